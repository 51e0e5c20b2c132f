// Command asm writes the assembly of package gemm: avx2_amd64.s or avx512_amd64.s, with the declarations beside it.
//
//	go run . -isa avx2
//	go run . -isa avx512
package main

import (
	"flag"
	"log"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	isa := flag.String("isa", "", "avx2 or avx512")
	flag.Parse()
	assembly, stubs := "../"+*isa+"_amd64.s", "../"+*isa+"_stubs_amd64.go"
	flag.Set("out", assembly)
	flag.Set("stubs", stubs)
	flag.Set("pkg", "gemm")
	ConstraintExpr("!purego")
	switch *isa {
	case "avx2":
		avx2()
	case "avx512":
		avx512()
	default:
		log.Fatal("-isa must be avx2 or avx512")
	}
	Generate()
	for _, file := range []string{assembly, stubs} {
		if err := rename(file); err != nil {
			log.Fatal(err)
		}
	}
	if err := encode(assembly); err != nil {
		log.Fatal(err)
	}
}

func avx2() {
	maskTable()
	for _, s := range []source{fromF32, fromF64} {
		for mr := 1; mr <= 6; mr++ {
			for nv := 1; nv <= 2; nv++ {
				tileKernel{s, ymm, mr, nv, packed}.emit()
				tileKernel{s, ymm, mr, nv, strided}.emit()
			}
		}
		for mr := 7; mr <= 12; mr++ { // as many sums in half a strip
			tileKernel{s, ymm, mr, 1, strided}.emit()
		}
		for mr := 1; mr <= 8; mr++ {
			stream{s.elem, ymm, mr}.emit()
		}
		for k := 1; k <= 8; k++ {
			outer{s.elem, ymm, k}.emit()
		}
		for mr := 1; mr < len(fewVectors); mr++ {
			for nv := 1; nv <= fewVectors[mr]; nv++ {
				fewKernel{tileKernel{s, ymm, mr, nv, strided}}.emit()
			}
		}
	}
	for _, s := range []source{fromF32, fromF16, fromBF16, fromF64} {
		copyRows(s, 1)
		copyRows(s, 2)
		transpose(s)
		for mr := 1; mr <= 4; mr++ {
			dot{s, mr}.emit()
		}
		weightKernels(s, ymm)
	}
	copyPairs(1)
	copyPairs(2)
	transpose(fromPairs)
}

// weightKernels emits the kernels for packed weights, with as many vectors as make 8 sums or more.
func weightKernels(s source, w width) {
	for mr, nv := range []int{1: 8, 2: 4, 3: 4, 4: 2} {
		if mr > 0 {
			tileKernel{s, w, mr, nv, weights}.emit()
		}
	}
}
