//go:build cuda && cgo && linux

package gpu

import (
	"fmt"
	"slices"

	"gorgonia.org/cu"

	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/kernels"
)

// source is where the PTX of a family comes from; a test takes another compiler's.
var source = kernels.PTX

// symbol is a kernel of the embedded PTX. Its id finds the handle in a backend without a search.
type symbol struct {
	family, name string
	id           int
}

// symbols lists what the files of this package refer to; a test looks each of them up in the PTX.
var symbols []*symbol

func entry(family, name string) *symbol {
	k := &symbol{family, name, len(symbols)}
	symbols = append(symbols, k)
	return k
}

// perType is one kernel for each dtype, nil where there is none.
type perType [op.Bool + 1]*symbol

// entries makes a symbol for each of the types; %v in the pattern is its name.
func entries(family, pattern string, types ...op.DType) (p perType) {
	for _, d := range types {
		p[d] = entry(family, fmt.Sprintf(pattern, d))
	}
	return p
}

// The groups of types that kernels exist for.
var (
	shorts   = []op.DType{op.F32, op.F16, op.BF16} // computed in f32
	reals    = append(shorts, op.F64)
	integers = []op.DType{op.I64, op.I32, op.I8, op.U8}
	numbers  = append(reals, integers...)
)

// has reports whether there is a kernel for d.
func (p *perType) has(d op.DType) bool { return p[d] != nil }

// function is the driver's handle of a kernel, loaded with its family on first use. The context is current.
func (b *Backend) function(k *symbol) (cu.Function, error) {
	if f := b.functions[k.id].Load(); f != nil {
		return *f, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	m, err := b.module(k.family)
	if err != nil {
		return cu.Function{}, err
	}
	f, err := m.Function(k.name)
	if err != nil {
		return f, fmt.Errorf("kernel %s: %w", k.name, b.fail("cuModuleGetFunction", err))
	}
	b.functions[k.id].Store(&f)
	return f, nil
}

// module is a family's module in this context; b.mu is held.
func (b *Backend) module(family string) (cu.Module, error) {
	if m, ok := b.modules[family]; ok {
		return m, nil
	}
	text, err := source(b.variant(family))
	if err != nil {
		return cu.Module{}, op.Errorf(op.ErrDevice, "%v", err)
	}
	m, err := cu.LoadData(text)
	if err != nil {
		return m, fmt.Errorf("kernels %s: %w", family, b.fail("cuModuleLoadData", err))
	}
	b.modules[family] = m
	return m, nil
}

// variant is the module of a family for this device: one written for exactly its architecture (family_sm90a) where
// there is one, else the common one.
func (b *Backend) variant(family string) string {
	own := fmt.Sprintf("%s_sm%d%da", family, b.capability[0], b.capability[1])
	if slices.Contains(kernels.Families(), own) {
		return own
	}
	return family
}
