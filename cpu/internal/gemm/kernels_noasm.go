//go:build purego || !amd64

package gemm

import "github.com/tandem-compute/tandem/cpu/internal/isa"

// tables returns the kernels of a level, of which there is one.
func tables(isa.Level, isa.Features) (f32, f64, pairs kernels) {
	return genericKernels[float32](), genericKernels[float64](), kernels{}
}
