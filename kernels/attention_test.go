package kernels_test

import (
	"fmt"
	"math"
	"testing"
)

// attention is one case: shapes, and the options of internal/op's Attention.
type attention struct {
	b, hq, hkv, t, s, d, dv int
	causal                  bool
	window                  int
	lengths                 []int32
	sink, gate              bool
	offsets                 []int32
	page                    int // keys per page
	part                    int // keys that are a block's own, or 0
}

func (c attention) String() string {
	return fmt.Sprintf("%dx%d/%d_t%d_s%d_d%d_%d_c%t_w%d_l%v_o%v_p%d_%d", c.b, c.hq, c.hkv, c.t, c.s, c.d, c.dv, c.causal, c.window, c.lengths, c.offsets, c.page, c.part)
}

// sees says which keys query i of t sees of n.
func (c attention) sees(i, t, n, j int) bool {
	pos := n - t + i
	if c.causal {
		return j <= pos && (c.window == 0 || j > pos-c.window)
	}
	return c.window == 0 || j > pos-c.window && j < pos+c.window
}

// reference computes out [b, hq, t, dv] and lse [b, hq, t] in float64.
func (c attention) reference(q, k, v, sink, gate []float64, scale float64) (out, lse []float64) {
	out, lse = make([]float64, c.b*c.hq*c.t*c.dv), make([]float64, c.b*c.hq*c.t)
	for row := range lse {
		b, h, i := row/(c.hq*c.t), row/c.t%c.hq, row%c.t
		kv := (b*c.hkv + h/(c.hq/c.hkv)) * c.s
		first, t, n := 0, c.t, c.s
		if c.lengths != nil {
			n = min(int(c.lengths[b]), c.s)
		}
		for g := range max(len(c.offsets)-1, 0) {
			if from, to := int(c.offsets[g]), int(c.offsets[g+1]); i >= from && i < to {
				first, t, n = from, to-from, to-from
			}
		}
		score := func(j int) (sum float64) {
			for e := range c.d {
				sum += q[row*c.d+e] * k[(kv+first+j)*c.d+e]
			}
			return sum * scale
		}
		total := 0.0
		if sink != nil {
			total = math.Exp(sink[h])
		}
		o := out[row*c.dv : row*c.dv+c.dv]
		for j := range n {
			if !c.sees(i-first, t, n, j) {
				continue
			}
			p := math.Exp(score(j))
			total += p
			for e := range o {
				o[e] += p * v[(kv+first+j)*c.dv+e]
			}
		}
		lse[row] = math.Log(total)
		for e := range o {
			if total > 0 {
				o[e] /= total
			}
			if gate != nil {
				o[e] *= sigmoid(gate[(b*c.t+i)*c.hq+h])
			}
		}
	}
	return out, lse
}

// table gives the pages of each sequence numbers in a shuffled order, two of them unused.
func (c attention) table(d *device) []int32 {
	per := ceilDiv(c.s, c.page)
	table := make([]int32, c.b*per)
	for i, p := range d.rng.Perm(c.b*per + 2)[:len(table)] {
		table[i] = int32(p)
	}
	return table
}

// paged moves [b, h, s, width] to pages [p, h, page, width]; places that no key has are NaN.
func (c attention) paged(table []int32, x []float32, width int) []float32 {
	pages := make([]float32, (len(table)+2)*c.hkv*c.page*width)
	for i := range pages {
		pages[i] = float32(math.NaN())
	}
	for row := range c.b * c.hkv * c.s {
		b, h, j := row/(c.hkv*c.s), row/c.s%c.hkv, row%c.s
		p := int(table[b*len(table)/c.b+j/c.page])
		copy(pages[((p*c.hkv+h)*c.page+j%c.page)*width:][:width], x[row*width:])
	}
	return pages
}

// try runs a kernel whose blocks have so many rows, and joins its parts.
func (c attention) try(t *testing.T, f format, family, kernel string, rows, block int) {
	d := newDevice(t)
	q, k, v := d.normal(c.b*c.hq*c.t*c.d), d.normal(c.b*c.hkv*c.s*c.d), d.normal(c.b*c.hkv*c.s*c.dv)
	scale := float32(1 / math.Sqrt(float64(c.d)))
	var sink, gate []float64
	var sinkAt, gateAt, lengthsAt, offsetsAt, pagesAt uint64
	if c.sink {
		x := d.normal(c.hq)
		sink, sinkAt = f32.round(x), d.up(x)
	}
	if c.gate {
		x := d.normal(c.b * c.t * c.hq)
		gate, gateAt = f.round(x), f.put(d, x)
	}
	batches := c.b
	if c.offsets != nil {
		offsetsAt, batches = d.up(c.offsets), len(c.offsets)-1
	}
	if c.lengths != nil {
		lengthsAt = d.up(c.lengths)
	}
	kStore, vStore, keys, pageRow, count := k, v, c.s, 0, c.s
	if c.page > 0 {
		table := c.table(d)
		kStore, vStore = c.paged(table, k, c.d), c.paged(table, v, c.dv)
		pagesAt, keys, pageRow, count = d.up(table), c.page, len(table)/c.b, len(table)+2
	}
	out, lse := d.space(c.b*c.hq*c.t*c.dv*f.size), d.space(4*c.b*c.hq*c.t)
	u := func(n int) uint64 { return uint64(n) }
	parts := 1
	if c.part > 0 {
		parts = ceilDiv(c.s, c.part)
	}
	work := d.space(4 * parts * c.b * c.hq * c.t * (c.dv + 7))
	args := []any{
		out, lse, f.put(d, q), f.put(d, kStore), f.put(d, vStore), lengthsAt, sinkAt, gateAt, offsetsAt, pagesAt,
		uint32(c.hq), uint32(c.hq / c.hkv), uint32(c.t), uint32(count), uint32(c.d), uint32(c.dv), uint32(c.page), uint32(pageRow),
		u(c.hq * c.t * c.d), u(c.t * c.d), u(c.d), u(c.hkv * keys * c.d), u(keys * c.d), u(c.d), u(c.hkv * keys * c.dv), u(keys * c.dv), u(c.dv), u(c.hq * c.t * c.dv), u(c.t * c.dv), u(c.dv),
		scale, map[bool]uint32{true: 1}[c.causal], uint32(c.window), work, uint32(c.part),
	}
	d.run(family, kernel, dim{ceilDiv(c.hq/c.hkv*c.t, rows) * parts, c.hkv, batches}, dim{block}, args...)
	if c.part > 0 {
		d.run("attention_decode", "attention_join_"+f.name, dim{ceilDiv(c.hq/c.hkv*c.t, 8), c.hkv, batches}, dim{256}, args...)
	}
	want, wantLSE := c.reference(f.round(q), f.round(k), f.round(v), sink, gate, float64(scale))
	tolerance := func(i int) float64 { return 2e-6 + 2*f.upper*(math.Abs(want[i])+0.05) }
	if family == "attention_mma" { // weights are rounded to the storage type
		tolerance = func(i int) float64 { return 4 * f.upper }
	}
	near(t, want, f.get(d, out, len(want)), tolerance)
	got := f32.get(d, lse, len(wantLSE))
	for i := range got {
		if math.IsInf(wantLSE[i], -1) && math.IsInf(got[i], -1) {
			got[i], wantLSE[i] = 0, 0
		}
	}
	near(t, wantLSE, got, func(int) float64 { return 1e-5 })
}

// Heads whose sizes are no multiples of four, for the kernels that take any.
var oddAttentions = []attention{
	{b: 1, hq: 2, hkv: 1, t: 40, s: 70, d: 13, dv: 11, causal: true, lengths: []int32{69}},
	{b: 1, hq: 1, hkv: 1, t: 5, s: 67, d: 70, dv: 75, window: 66},
}

var attentions = []attention{
	{b: 1, hq: 1, hkv: 1, t: 1, s: 1, d: 8, dv: 8},
	{b: 2, hq: 2, hkv: 1, t: 5, s: 70, d: 40, dv: 24, causal: true},
	{b: 1, hq: 4, hkv: 2, t: 70, s: 70, d: 64, dv: 64, causal: true, window: 20, gate: true},
	{b: 2, hq: 2, hkv: 2, t: 3, s: 130, d: 16, dv: 64, lengths: []int32{130, 65}, sink: true},
	{b: 2, hq: 2, hkv: 2, t: 4, s: 10, d: 16, dv: 16, causal: true, lengths: []int32{2, 0}},
	{b: 1, hq: 1, hkv: 1, t: 66, s: 66, d: 8, dv: 8, window: 7},
	{b: 1, hq: 2, hkv: 1, t: 90, s: 90, d: 16, dv: 16, causal: true, offsets: []int32{0, 20, 20, 90}},
	{b: 2, hq: 8, hkv: 1, t: 1, s: 100, d: 32, dv: 32, causal: true, lengths: []int32{100, 33}, page: 16},
	{b: 1, hq: 2, hkv: 1, t: 40, s: 150, d: 128, dv: 120, causal: true, gate: true, sink: true},
}

func TestAttention(t *testing.T) {
	for _, f := range []format{f32, f16, bf16} {
		for _, c := range append(oddAttentions, attentions...) {
			name := "attention64_"
			if c.dv > 64 {
				name = "attention128_"
			}
			t.Run(f.name+"/"+c.String(), func(t *testing.T) { c.try(t, f, "attention", name+f.name, 64, 256) })
		}
		for _, c := range []attention{
			{b: 1, hq: 1, hkv: 1, t: 66, s: 70, d: 192, dv: 256, causal: true},
			{b: 1, hq: 1, hkv: 1, t: 2, s: 66, d: 9, dv: 201},
		} {
			t.Run(f.name+"/"+c.String(), func(t *testing.T) { c.try(t, f, "attention", "attention256_"+f.name, 64, 256) })
		}
	}
}

// manyKeys are more than one chunk of them, whose parts are joined or taken in order.
var manyKeys = []attention{
	{b: 1, hq: 4, hkv: 2, t: 3, s: 600, d: 40, dv: 16, causal: true},
	{b: 2, hq: 2, hkv: 2, t: 1, s: 530, d: 16, dv: 24, causal: true, lengths: []int32{520, 100}, gate: true, sink: true},
	{b: 1, hq: 2, hkv: 1, t: 4, s: 600, d: 8, dv: 8, causal: true, window: 120, page: 100, lengths: []int32{590}},
	{b: 1, hq: 1, hkv: 1, t: 5, s: 560, d: 8, dv: 8, window: 60},
}

func TestAttentionOfManyKeys(t *testing.T) {
	for _, f := range []format{f32, f16, bf16} {
		for _, c := range manyKeys {
			t.Run(f.name+"/tiles/"+c.String(), func(t *testing.T) { c.try(t, f, "attention", "attention64_"+f.name, 64, 256) })
			for _, c.part = range []int{0, 256} {
				t.Run(f.name+"/few/"+c.String(), func(t *testing.T) {
					c.try(t, f, "attention_decode", "attention_decode128_"+f.name, 8, 256)
				})
			}
			for _, c.part = range []int{0, 512} {
				if f.size == 2 {
					t.Run(f.name+"/mma/"+c.String(), func(t *testing.T) { c.try(t, f, "attention_mma", "attention_mma64_"+f.name, 64, 128) })
				}
			}
		}
		for _, c := range oddAttentions {
			t.Run(f.name+"/few/"+c.String(), func(t *testing.T) {
				c.try(t, f, "attention_decode", "attention_decode128_"+f.name, 8, 256)
			})
		}
		c := attention{b: 1, hq: 1, hkv: 1, t: 2, s: 66, d: 137, dv: 201}
		t.Run(f.name+"/few/"+c.String(), func(t *testing.T) { c.try(t, f, "attention_decode", "attention_decode256_"+f.name, 8, 256) })
	}
}

func TestAttentionTensorCores(t *testing.T) {
	for _, f := range []format{f16, bf16} {
		for _, c := range attentions {
			name := "attention_mma64_"
			if c.d > 64 || c.dv > 64 {
				name = "attention_mma128_"
			}
			t.Run(f.name+"/"+c.String(), func(t *testing.T) { c.try(t, f, "attention_mma", name+f.name, 64, 128) })
		}
	}
}
