//go:build cuda && cgo && linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tandem-compute/tandem/internal/ptx"
	"github.com/tandem-compute/tandem/kernels"
)

// The product that is too large to be run as a whole: all its blocks do the same, so four of them tell the rest.
const (
	largeSize    = 4096
	largeTile    = 128
	largeThreads = 256
	largeBlocks  = 2 // along each side
)

// writeLarge says what bf16 products of 4096 cubed move and where their accesses to shared memory collide.
func writeLarge(w *bytes.Buffer) error {
	text, err := kernels.PTX("gemm_mma")
	if err != nil {
		return err
	}
	module, err := ptx.Parse(text)
	if err != nil {
		return err
	}
	w.WriteString(largeHeader)
	for _, layout := range []string{"nn", "nt", "tn", "tt"} {
		m, err := runLarge(module, "gemm_mma_"+layout+"_bf16")
		if err != nil {
			return err
		}
		blocks := float64(largeBlocks * largeBlocks)
		least := float64(2*largeTile*largeSize*2 + largeTile*largeTile*2)
		fmt.Fprintf(w, "| gemm_mma_%s_bf16 | %.3f | %.3f | %.2f |\n", layout, 32*float64(m.GlobalSectors)/blocks/least,
			float64(m.SharedPasses)/float64(m.SharedIdeal), float64(m.Matrix)/float64(m.Instructions))
	}
	return nil
}

const largeHeader = `
## The large product

bf16, 4096 cubed, four of its 1024 blocks, of which all do the same. Moved is the bytes of all sectors touched over those of the
tiles: (128 + 128) 4096 numbers read and 128 128 written by each block.

| kernel | moved | passes | MMA of all warp instructions |
|---|---|---|---|
`

func runLarge(module *ptx.Module, name string) (*ptx.Meter, error) {
	kernel, err := module.Entry(name)
	if err != nil {
		return nil, err
	}
	memory, at := ptx.NewMemory(1<<30), [3]uint64{}
	for i := range at {
		if at[i], err = memory.Alloc(2 * largeSize * largeSize); err != nil {
			return nil, err
		}
		if err := memory.Fill(at[i], []byte{0}, 2*largeSize*largeSize); err != nil {
			return nil, err
		}
	}
	const n, batch, none = uint64(largeSize), uint64(0), uint64(0)
	const alpha, beta, noActivation = uint64(0x3FF0000000000000), uint64(0), uint64(255) // 1 and 0 as float64
	values := []uint64{at[0], at[1], at[2], none, none, n, n, n, n, n, n, n, batch, batch, batch, batch, alpha, beta, noActivation}
	params := kernel.Params()
	if len(params) != len(values) {
		return nil, fmt.Errorf("%s takes %d parameters, want %d", name, len(params), len(values))
	}
	var block []byte
	for i, p := range params {
		block = append(block, make([]byte, p.Offset+p.Size-len(block))...)
		copy(block[p.Offset:], binary.LittleEndian.AppendUint64(nil, values[i])[:p.Size])
	}
	meter := &ptx.Meter{}
	return meter, kernel.Run(&ptx.Launch{Grid: [3]int{largeBlocks, largeBlocks, 1}, Block: [3]int{largeThreads, 1, 1}, Params: block, Memory: memory,
		Options: ptx.Options{Meter: meter}})
}
