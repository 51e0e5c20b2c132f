package ptx

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAtomicOperations runs every operation on one word by a warp, in global and in shared memory: the result is that
// of the lanes one after the other, and each lane sees what the ones before it left.
func TestAtomicOperations(t *testing.T) {
	f32s := func(x float32) uint64 { return uint64(math.Float32bits(x)) }
	for _, c := range []struct {
		op, typ string
		bits    int
		start   uint64
		value   func(lane uint64) uint64
		want    func(old, v uint64) uint64
	}{
		{"add", "u32", 32, 5, func(l uint64) uint64 { return l << 27 }, func(o, v uint64) uint64 { return u32of(o + v) }},
		{"add", "u64", 64, 5, func(l uint64) uint64 { return l << 40 }, func(o, v uint64) uint64 { return o + v }},
		{"add", "f32", 32, f32s(0.5), func(l uint64) uint64 { return f32s(float32(l) / 3) }, func(o, v uint64) uint64 { return f32s(f32(uint32(o)) + f32(uint32(v))) }},
		{"add", "f64", 64, 0, func(l uint64) uint64 { return math.Float64bits(float64(l) / 3) }, func(o, v uint64) uint64 { return math.Float64bits(f64(o) + f64(v)) }},
		{"min", "s32", 32, 7, func(l uint64) uint64 { return u32of(uint64(int64(l%13) - 6)) }, func(o, v uint64) uint64 { return u32of(uint64(min(s32of(o), s32of(v)))) }},
		{"max", "u64", 64, 7, func(l uint64) uint64 { return l * 0x9e3779b97f4a7c15 }, func(o, v uint64) uint64 { return max(o, v) }},
		{"and", "b32", 32, 1<<32 - 1, func(l uint64) uint64 { return u32of(^(uint64(1) << (l % 32))) }, func(o, v uint64) uint64 { return o & v }},
		{"or", "b32", 32, 0, func(l uint64) uint64 { return u32of(uint64(1) << (l % 32)) }, func(o, v uint64) uint64 { return o | v }},
		{"xor", "b64", 64, 0, func(l uint64) uint64 { return l * 0x123456789 }, func(o, v uint64) uint64 { return o ^ v }},
		{"exch", "b32", 32, 9, func(l uint64) uint64 { return l }, func(_, v uint64) uint64 { return v }},
		{"inc", "u32", 32, 3, func(uint64) uint64 { return 10 }, func(o, v uint64) uint64 {
			if o >= v {
				return 0
			}
			return o + 1
		}},
		{"dec", "u32", 32, 3, func(uint64) uint64 { return 10 }, func(o, v uint64) uint64 {
			if o == 0 || o > v {
				return v
			}
			return o - 1
		}},
	} {
		for _, space := range []string{"global", "shared"} {
			reg, val := map[int]string{32: "d", 64: "D"}[c.bits], map[int]string{32: "b", 64: "B"}[c.bits]
			// lane 0 puts the start value where all work, and everyone waits for it
			body := fmt.Sprintf(`{ .shared .align 8 .b8 s[8]; .reg .b64 word; setp.eq.u32 p, i, 0; setp.ne.u32 q, i, 0;
				%s @p st.%s.b%d [word], %s; bar.sync 0; atom.%s.%s.%s %s, [word], %s; }`,
				map[string]string{"global": "ld.param.u64 word, [in]; add.u64 word, word, 16;", "shared": "mov.u64 word, s;"}[space],
				space, c.bits, map[int]string{32: "c", 64: "C"}[c.bits], space, c.op, c.typ, reg, val)
			in := make([]triple, 32)
			for l := range in {
				in[l] = triple{0, c.value(uint64(l)), c.start}
			}
			if space == "global" {
				body = fmt.Sprintf("bar.sync 0; %s", body) // the word is the first lane's c: read it before others change it
			}
			old := c.start
			for l, got := range runLanes(t, body, in) {
				require.Equal(t, old, got, "%s.%s.%s lane %d", space, c.op, c.typ, l)
				old = c.want(old, c.value(uint64(l)))
			}
		}
	}
}

func TestAtomicSmall(t *testing.T) {
	// compare-and-swap: lane l replaces l by l+1, so all succeed in order
	in := make([]triple, 32)
	for i := range in {
		in[i] = triple{uint64(i), uint64(i + 1)}
	}
	cas := "{ .shared .align 8 .b8 s[8]; .reg .b64 x; mov.u64 x, s; setp.eq.u32 p, i, 0; @p st.shared.u%d [x], %s; bar.sync 0; atom.shared.cas.b%d %s, [x], %s, %s; }"
	for _, body := range []string{fmt.Sprintf(cas, 32, "a", 32, "d", "a", "b"), fmt.Sprintf(cas, 16, "ah", 16, "dh", "ah", "bh"), fmt.Sprintf(cas, 64, "A", 64, "D", "A", "B")} {
		for l, got := range runLanes(t, body, in) {
			require.Equal(t, uint64(l), got, body)
		}
	}
	// packed halves, in global memory: 32 times (1, 2)
	for i := range in {
		in[i] = triple{0, 0x40003c00, 0}
	}
	body := "{ .reg .b64 x; ld.param.u64 x, [in]; add.u64 x, x, 16; bar.sync 0; red.global.add.noftz.f16x2 [x], b; bar.sync 0; ld.volatile.global.u32 d, [x]; }"
	for _, got := range runLanes(t, body, in) {
		require.Equal(t, nearestHalf(32, 10)|nearestHalf(64, 10)<<16, got)
	}
	body = "{ .reg .b64 x; ld.param.u64 x, [in]; add.u64 x, x, 18; bar.sync 0; red.global.add.noftz.f16 [x], bh; bar.sync 0; ld.volatile.global.u32 d, [x+-2]; }"
	for _, got := range runLanes(t, body, in) {
		require.Equal(t, nearestHalf(32, 10)<<16, got)
	}
}
