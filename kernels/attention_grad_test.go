package kernels_test

import (
	"math"
	"testing"
)

// gradients computes dq, dk, dv and dsink in float64 from the definition.
func (c attention) gradients(q, k, v, out, lse, dout, sink []float64, scale float64) (dq, dk, dv, dsink []float64) {
	dq, dk, dv, dsink = make([]float64, len(q)), make([]float64, len(k)), make([]float64, len(v)), make([]float64, c.hq)
	for row := range lse {
		b, h, i := row/(c.hq*c.t), row/c.t%c.hq, row%c.t
		kv := (b*c.hkv + h/(c.hq/c.hkv)) * c.s
		n := c.s
		if c.lengths != nil {
			n = min(int(c.lengths[b]), c.s)
		}
		delta := 0.0
		for e := range c.dv {
			delta += out[row*c.dv+e] * dout[row*c.dv+e]
		}
		if sink != nil {
			dsink[h] -= math.Exp(sink[h]-lse[row]) * delta
		}
		for j := range n {
			if !c.sees(i, c.t, n, j) {
				continue
			}
			score, dp := 0.0, 0.0
			for e := range c.d {
				score += q[row*c.d+e] * k[(kv+j)*c.d+e]
			}
			for e := range c.dv {
				dp += dout[row*c.dv+e] * v[(kv+j)*c.dv+e]
			}
			p := math.Exp(score*scale - lse[row])
			ds := p * (dp - delta) * scale
			for e := range c.d {
				dq[row*c.d+e] += ds * k[(kv+j)*c.d+e]
				dk[(kv+j)*c.d+e] += ds * q[row*c.d+e]
			}
			for e := range c.dv {
				dv[(kv+j)*c.dv+e] += p * dout[row*c.dv+e]
			}
		}
	}
	return dq, dk, dv, dsink
}

func (c attention) tryGrad(t *testing.T, f format, tile string) {
	d := newDevice(t)
	q, k, v := d.normal(c.b*c.hq*c.t*c.d), d.normal(c.b*c.hkv*c.s*c.d), d.normal(c.b*c.hkv*c.s*c.dv)
	dout := d.normal(c.b * c.hq * c.t * c.dv)
	scale := float32(1 / math.Sqrt(float64(c.d)))
	var sink []float64
	var sinkAt, lengthsAt uint64
	if c.sink {
		x := d.normal(c.hq)
		sink, sinkAt = f32.round(x), d.up(x)
	}
	if c.lengths != nil {
		lengthsAt = d.up(c.lengths)
	}
	qs, ks, vs, dos := f.round(q), f.round(k), f.round(v), f.round(dout)
	out, lse := c.reference(qs, ks, vs, sink, nil, float64(scale))
	narrow := func(x []float64) []float32 {
		y := make([]float32, len(x))
		for i := range x {
			y[i] = float32(x[i])
		}
		return y
	}
	outAt, lseAt, doutAt := f.put(d, narrow(out)), d.up(narrow(lse)), f.put(d, dout)
	delta := d.space(4 * c.b * c.hq * c.t)
	u := func(n int) uint64 { return uint64(n) }
	d.run("attention_grad", "attention_delta_"+f.name, dim{ceilDiv(c.hq*c.t, 8), c.b}, dim{256}, delta, outAt, doutAt, uint32(c.t), uint32(c.hq), uint32(c.dv),
		u(c.hq*c.t*c.dv), u(c.t*c.dv), u(c.dv))
	dq, dk, dv := d.space(len(q)*f.size), d.space(len(k)*f.size), d.space(len(v)*f.size)
	run := func(kernel string, blocks int) {
		d.run("attention_grad", kernel+tile+"_"+f.name, dim{blocks, c.hkv, c.b}, dim{256},
			dq, dk, dv, delta, doutAt, lseAt, f.put(d, q), f.put(d, k), f.put(d, v), lengthsAt, uint64(0),
			uint32(c.hq), uint32(c.hq/c.hkv), uint32(c.t), uint32(c.s), uint32(c.d), uint32(c.dv),
			u(c.hq*c.t*c.d), u(c.t*c.d), u(c.d), u(c.hkv*c.s*c.d), u(c.s*c.d), u(c.d), u(c.hkv*c.s*c.dv), u(c.s*c.dv), u(c.dv), u(c.hq*c.t*c.dv), u(c.t*c.dv), u(c.dv),
			scale, map[bool]uint32{true: 1}[c.causal], uint32(c.window))
	}
	run("attention_grad_q", ceilDiv(c.hq/c.hkv*c.t, 64))
	if tile == "256" {
		run("attention_grad_k", ceilDiv(c.s, 64))
		run("attention_grad_v", ceilDiv(c.s, 64))
	} else {
		run("attention_grad_kv", ceilDiv(c.s, 64))
	}
	wantQ, wantK, wantV, wantSink := c.gradients(qs, ks, vs, f.round(narrow(out)), lse, dos, sink, float64(scale))
	bound := func(want []float64) func(int) float64 {
		return func(i int) float64 { return 1e-5 + 2*f.upper*(0.1+math.Abs(want[i])) }
	}
	near(t, wantQ, f.get(d, dq, len(q)), bound(wantQ))
	near(t, wantK, f.get(d, dk, len(k)), bound(wantK))
	near(t, wantV, f.get(d, dv, len(v)), bound(wantV))
	if c.sink {
		dsink := d.space(4 * c.hq)
		d.run("attention_grad", "attention_grad_sink_f32", dim{c.hq}, dim{256}, dsink, sinkAt, lseAt, delta, uint32(c.b), uint32(c.hq), uint32(c.t))
		near(t, wantSink, f32.get(d, dsink, c.hq), func(int) float64 { return 1e-4 })
	}
}

func TestAttentionGrad(t *testing.T) {
	wide := attention{b: 1, hq: 2, hkv: 1, t: 9, s: 70, d: 137, dv: 201, causal: true, sink: true}
	for _, f := range []format{f32, f16, bf16} {
		for _, c := range append(append(oddAttentions, wide), attentions...) {
			if c.page > 0 || c.offsets != nil {
				continue
			}
			tile := "64"
			if max(c.d, c.dv) > 64 {
				tile = "128"
			}
			if max(c.d, c.dv) > 128 {
				tile = "256"
			}
			t.Run(f.name+"/"+c.String(), func(t *testing.T) { c.tryGrad(t, f, tile) })
		}
	}
}
