// Command _asm writes the AVX2 kernels of package vec: ../avx2_amd64.s and the declarations in ../avx2_decl_amd64.go.
//
// Every kernel has a twin in plain Go in package vec, which defines it; here the same operations stand in the same order.
package main

import (
	"flag"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	flag.Set("out", "../avx2_amd64.s")
	flag.Set("stubs", "../avx2_decl_amd64.go")
	flag.Set("pkg", "vec")
	ConstraintExpr("!purego")
	for _, t := range []real{f32, f64} {
		arithmetic(t)
		reductions(t)
	}
	transcendentals()
	comparisons()
	conversions()
	transpose()
	philox()
	constants()
	Generate()
}
