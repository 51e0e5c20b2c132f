package main

// What bounds the 14x32 tile of float32. For one k the loop has 28 FMA, 14 broadcasts and 2 loads of vectors, and 2.5
// instructions that count: 46.5 instructions, 16 of which load.
//
//	cycles             FMA    loads    front end
//	Zen 4               28       16            8
//	Sapphire Rapids     14        8            8
//
// A cycle of Zen 4 has one 512-bit FMA, made of two halves, one load or broadcast (3.2 to 3.5 G/s measured at 3.57 GHz)
// and 6 instructions; one of Sapphire Rapids, by its manual, 2, 2 and 6. So the multipliers bound both, with room to
// spare: a broadcast as part of the FMA would save instructions that nothing waits for. A sum is added to once in 28 or
// 14 cycles, longer than an FMA takes; of the lower tiles those with 4 or 8 sums still hide 4 cycles. From the second
// level of cache come 64 bytes of A and, as a strip of 512 k is larger than the first level, up to 128 of B: at most 14
// bytes a cycle.

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
		weightKernels(s, zmm)
	}
	bf16()
}
