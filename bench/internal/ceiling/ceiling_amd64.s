//go:build !purego

#include "textflag.h"

// Each loop keeps 12 accumulators in flight. Their value stays zero: the units take as long for it as for any other.

#define ZERO12(op, r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11) \
	op r0, r0, r0    \
	op r1, r1, r1    \
	op r2, r2, r2    \
	op r3, r3, r3    \
	op r4, r4, r4    \
	op r5, r5, r5    \
	op r6, r6, r6    \
	op r7, r7, r7    \
	op r8, r8, r8    \
	op r9, r9, r9    \
	op r10, r10, r10 \
	op r11, r11, r11

#define FMA12(op, a, b, r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11) \
	op a, b, r0  \
	op a, b, r1  \
	op a, b, r2  \
	op a, b, r3  \
	op a, b, r4  \
	op a, b, r5  \
	op a, b, r6  \
	op a, b, r7  \
	op a, b, r8  \
	op a, b, r9  \
	op a, b, r10 \
	op a, b, r11


// func f32AVX2(n int)
TEXT ·f32AVX2(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	ZERO12(VXORPS, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	VXORPS Y12, Y12, Y12
	VXORPS Y13, Y13, Y13
	PCALIGN $32

loop:
	FMA12(VFMADD231PS, Y12, Y13, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func f64AVX2(n int)
TEXT ·f64AVX2(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	ZERO12(VXORPD, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	VXORPD Y12, Y12, Y12
	VXORPD Y13, Y13, Y13
	PCALIGN $32

loop:
	FMA12(VFMADD231PD, Y12, Y13, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func f32AVX512(n int)
TEXT ·f32AVX512(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	ZERO12(VPXORQ, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11)
	VPXORQ Z12, Z12, Z12
	VPXORQ Z13, Z13, Z13
	PCALIGN $32

loop:
	FMA12(VFMADD231PS, Z12, Z13, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func f64AVX512(n int)
TEXT ·f64AVX512(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	ZERO12(VPXORQ, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11)
	VPXORQ Z12, Z12, Z12
	VPXORQ Z13, Z13, Z13
	PCALIGN $32

loop:
	FMA12(VFMADD231PD, Z12, Z13, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func loadAVX2(p *uint64, n int)
TEXT ·loadAVX2(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	PCALIGN $32

loop:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 64(SI), Y2
	VMOVDQU 96(SI), Y3
	ADDQ    $128, SI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET
