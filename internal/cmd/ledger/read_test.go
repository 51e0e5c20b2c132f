package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	kernels := map[string]*kernel{}
	require.NoError(t, readBlocks(kernels, ".visible .entry f(\n\t.param .u64 f_param_0\n)\n.maxntid 32, 8, 1\n.minnctapersm 2\n"))
	require.NoError(t, readResources(kernels, "ptxas info    : Compiling entry function 'f' for 'sm_80'\n"+
		"    8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads\n"+
		"ptxas info    : Used 128 registers, used 1 barriers, 49152 bytes smem, 468 bytes cmem[0]\n"))
	readInstructions(kernels, ".text.f:\n        /*0a0*/  HMMA.16816.F32 R4, R8, R2, R4 ;\n  /*0b0*/  LDG.E.128 R4, [R2.64] ;\n /*0c0*/ LDG.E R1, [R2.64] ;\n")
	require.Equal(t, &kernel{threads: 256, registers: 128, shared: 49152, stack: 8, mma: 1, wide: 1}, kernels["f"])

	require.Error(t, readBlocks(map[string]*kernel{}, ".visible .entry g(\n"))
	require.Error(t, readResources(map[string]*kernel{"g": {threads: 32}}, ""))
}

func TestMainLoop(t *testing.T) {
	k := kernel{}
	for _, line := range []string{".L_x_1:", "        /*0010*/                   HMMA.16816.F32 R4, R8, R2, R4 ;", ".L_x_2:",
		"  /*0020*/ LDSM.16.M88.4 R4, [R2] ;", "  /*0030*/ HMMA.16816.F32 R4, R8, R2, R4 ;", " /*0040*/ HMMA.16816.F32 R4, R8, R2, R4 ;",
		" /*0050*/ IADD3 R1, R1, 1, RZ ;", " /*0060*/ @P0 BRA `(.L_x_2) ;", " /*0070*/ @P0 BRA `(.L_x_3) ;", ".L_x_3:", " /*0080*/ EXIT ;"} {
		k.note(line)
	}
	require.Equal(t, loop{all: 5, mma: 2, feed: 1}, mainLoop(k.code))
	require.Equal(t, "40%, 40%", mainLoop(k.code).String())
	require.Empty(t, mainLoop(k.code[:2]).String())
}

func TestOccupancy(t *testing.T) {
	a := architectures[0]
	require.Equal(t, 100, a.occupancy(&kernel{threads: 256, registers: 32}))
	require.Equal(t, 25, a.occupancy(&kernel{threads: 256, registers: 128, shared: 49152}))
	require.Equal(t, 12, a.occupancy(&kernel{threads: 256, registers: 255}))
	require.Equal(t, 50, a.occupancy(&kernel{threads: 32, registers: 16})) // 32 blocks of one warp
}
