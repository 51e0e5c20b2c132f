//go:build cuda && cgo && linux

package gpu

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/parity"
	"github.com/tandem-compute/tandem/kernels"
)

// Two compilers that share nothing agree on what the kernels' sources say: the PTX in TANDEM_TEST_PTX, which make nvcc
// writes into out/nvcc, gives the bits of the embedded one in every case.
func TestCompilersAgree(t *testing.T) {
	dir := os.Getenv("TANDEM_TEST_PTX")
	if dir == "" {
		t.Skip("TANDEM_TEST_PTX names no directory of another compiler's PTX; make compilers does")
	}
	defer func() { source = kernels.PTX }()
	cases := append(parity.Cases(), roads()...)
	first := results(t, "embedded", cases)
	source = func(family string) (string, error) {
		text, err := os.ReadFile(filepath.Join(dir, family+".ptx"))
		return string(text), err
	}
	second, compared := results(t, "other", cases), 0
	for i := range cases {
		require.Equal(t, len(first[i]), len(second[i]), cases[i].Name)
		for j := range first[i] {
			compared++
			if !bytes.Equal(first[i][j], second[i][j]) {
				t.Errorf("%s: output %d differs", cases[i].Name, j)
			}
		}
	}
	t.Logf("%d results are the same", compared)
	require.Positive(t, compared)
}

// results runs the cases that this path has kernels for and keeps what they gave.
func results(t *testing.T, name string, cases []parity.Case) [][][]byte {
	out := make([][][]byte, len(cases))
	t.Run(name, func(t *testing.T) {
		b := open(t, checked())
		for i := range cases {
			if !only.MatchString(cases[i].Name) {
				continue
			}
			out[i] = parity.Run(context.Background(), b, &cases[i]).Out // whether it is right, TestParity says
		}
	})
	return out
}
