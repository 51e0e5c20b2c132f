package gemm

import (
	"fmt"
	"unsafe"
)

// Packed is an operand B in the layout that the kernels of one level like best: strips of columns, of each strip all
// rows, of each row the strip's elements side by side, in the type they were stored in. The last strip is padded with
// zeros.
type Packed struct {
	Type  Type
	K, N  int
	Strip int // columns of a strip; fixed by the level
	Data  []byte
}

// PackedSize is the number of bytes that Pack needs for a [k, n] operand of a type.
func (e *Engine) PackedSize(t Type, k, n int) int {
	nr := e.kernels(t).nr
	return (n + nr - 1) / nr * nr * k * t.Size()
}

// Pack writes the [k, n] operand b into data, whose length must be PackedSize.
func (e *Engine) Pack(data []byte, b Matrix, k, n int) (*Packed, error) {
	if want := e.PackedSize(b.Type, k, n); len(data) != want {
		return nil, fmt.Errorf("gemm: pack: [%d, %d] takes %d bytes, given %d", k, n, want, len(data))
	}
	w := &Packed{Type: b.Type, K: k, N: n, Strip: e.kernels(b.Type).nr, Data: data}
	switch b.Type.Size() {
	case 2:
		packStrips[uint16](w, b)
	case 4:
		packStrips[uint32](w, b)
	case 8:
		packStrips[uint64](w, b)
	}
	return w, nil
}

// packStrips moves bits.
func packStrips[T uint16 | uint32 | uint64](w *Packed, b Matrix) {
	to := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(w.Data))), len(w.Data)/b.Type.Size())
	clear(to)
	for j := 0; j < w.N; j += w.Strip {
		for k := range w.K {
			for i := range min(w.Strip, w.N-j) {
				to[i] = *(*T)(b.at(k, j+i))
			}
			to = to[w.Strip:]
		}
	}
}

// strip is the address of row k of the strip at column j.
func (p *Packed) strip(j, k int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(p.Data)), (j*p.K+k*p.Strip)*p.Type.Size())
}

// packedStrip sets the tile's B to a strip of packed weights, converting halves.
func (w *worker) packedStrip(pr *problem, j, k0, k int) {
	ks, t, weights := pr.ks, &w.tile, pr.weights
	t.ldb = ks.nr * ks.size
	t.b = weights.strip(j, k0)
	size := weights.Type.Size()
	p := &w.pack
	switch {
	case size == ks.size:
		return
	case pr.paired():
		t.b = w.b.get(k * t.ldb)
		*p = packing{dst: t.b, stride: t.ldb, k: k, n: ks.nr}
		pr.packPairs(p, Matrix{weights.strip(j, 0), weights.Type, ks.nr, 1}, k0, 0, 0)
		return
	}
	*p = packing{src: t.b, dst: w.b.get(k * t.ldb), stride: t.ldb, k: k, n: ks.nr, alpha: ks.bits(1)}
	t.b = p.dst
	ks.packGroups(p, weights.Type, ks.nr*size, size)
}

// weightRows computes a region of few rows with packed weights: several strips side by side, without cutting k, and
// what is left of the columns strip by strip.
func (w *worker) weightRows(pr *problem, out output, i, m, j, n int) {
	ks, t, weights := pr.ks, &w.tile, pr.weights
	size := weights.Type.Size()
	strips := weightStrips[m]
	kernel, width := ks.weights[weights.Type][m], strips*ks.nr
	t.ldb, t.strip, t.ldc, t.k = ks.nr*size, weights.K*ks.nr*size, out.ld, pr.k
	if pr.paired() {
		t.a, t.lda = w.pairLines(pr, i, m)
		t.ldb *= pairRows
	} else {
		t.a, t.lda = w.lines(pr, i, m)
	}
	t.start(ks, out, 0)
	a, s := t.a, 0
	for ; s+width <= n; s += width {
		t.a, t.b, t.c, t.panels = a, weights.strip(j+s, 0), out.at(0, s), 1
		t.next = t.b
		kernel(t)
	}
	if s < n {
		out.p = out.at(0, s)
		w.strips(pr, out, i, m, j+s, n-s)
	}
}
