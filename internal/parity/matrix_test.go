package parity_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
	"github.com/tandem-compute/tandem/internal/ref"
)

// TestSupportIsHeldByCases wants a parity case for every yes and a reason for every no.
func TestSupportIsHeldByCases(t *testing.T) {
	m := parity.Support(open(t, "generic", 1))
	yes, all := m.Count()
	require.Positive(t, yes)
	require.Less(t, yes, all)
	for _, r := range m.Rows {
		require.Len(t, r.Cells, len(op.DTypes))
		for i, c := range r.Cells {
			if c.Yes() {
				require.NotEmpty(t, c.Case, "%s has a %v kernel, but no parity case", r.Op, op.DTypes[i])
			}
		}
	}
}

// TestSupportIsWrittenDown holds the committed page to what the CPU answers, whatever its variant.
func TestSupportIsWrittenDown(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "SUPPORT.md"))
	require.NoError(t, err)
	for _, variant := range cpu.Variants() {
		m := parity.Support(open(t, variant, 1))
		require.Contains(t, string(page), m.Markdown(), "%s: the page is old; go generate ./internal/parity writes it anew", variant)
	}
}

// TestSupportSaysWhatIsMissing asks a device that lacks one kernel.
func TestSupportSaysWhatIsMissing(t *testing.T) {
	full, less := parity.Support(ref.Backend{}), parity.Support(without{ref.Backend{}, op.KindSoftmax})
	before, _ := full.Count()
	after, _ := less.Count()
	require.Equal(t, before-4, after, "softmax has four dtypes")
	require.Contains(t, less.Markdown(), ": out of chalk\n")
	require.NotContains(t, full.Markdown(), "out of chalk")
}

type without struct {
	ref.Backend
	kind op.Kind
}

func (b without) Supports(o op.Op, in, out []op.Type) (op.Kernel, error) {
	if o.Kind() == b.kind {
		return op.Kernel{}, op.UnsupportedErr("out of chalk")
	}
	return b.Backend.Supports(o, in, out)
}

func TestFamilyIsTheOpsFile(t *testing.T) {
	for want, o := range map[string]op.Op{
		"norm": &op.RMSNorm{}, "gemm": &op.MatMul{}, "elementwise": &op.Unary{}, "softmax": &op.Softmax{}, "view": &op.Slice{},
	} {
		require.Equal(t, want, parity.Family(o))
	}
}
