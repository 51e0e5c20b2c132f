package main

// avx512 emits the kernels that are wider than AVX2's. Packers and dots are shared: they are not where the time goes.
func avx512() {
	for _, s := range []source{fromF32, fromF64} {
		for mr := 1; mr <= 14; mr++ {
			for nv := 1; nv <= 2; nv++ {
				tileKernel{s, zmm, mr, nv, packed}.emit()
				tileKernel{s, zmm, mr, nv, strided}.emit()
			}
		}
		for mr := 1; mr <= 8; mr++ {
			stream{s.elem, zmm, mr}.emit()
		}
	}
	for _, s := range []source{fromF32, fromF16, fromBF16, fromF64} {
		for mr, nv := range []int{1: 8, 2: 4, 3: 4, 4: 2} {
			if mr > 0 {
				tileKernel{s, zmm, mr, nv, weights}.emit()
			}
		}
	}
}
