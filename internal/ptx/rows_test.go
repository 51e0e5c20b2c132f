package ptx

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// fieldOf reads an unexported field of a rowSet.
func fieldOf[T any](s *rowSet, i int) T {
	f := reflect.ValueOf(s).Elem().Field(i)
	return *(*T)(unsafe.Pointer(f.UnsafeAddr()))
}

var special32 = []uint32{
	0, 1 << 31, 1, 0x80000001, 0x007fffff, 0x00800000, 0x3f800000, 0xbf800000, 0x7f7fffff, 0x7f800000, 0xff800000,
	0x7fc00000, 0xffc00001, 0x7f800001, 31, 32, 33, 255, 0x33ffffff, 0x4f000000, ^uint32(0),
}

func randomRow(rng *rand.Rand) (r Row) {
	for i := range r {
		switch rng.IntN(4) {
		case 0:
			r[i] = special32[rng.IntN(len(special32))]
		case 1:
			r[i] = rng.Uint32() & 63
		case 2:
			r[i] = math.Float32bits(float32(math.Ldexp(rng.NormFloat64(), rng.IntN(40)-20)))
		default:
			r[i] = rng.Uint32()
		}
	}
	return r
}

func randomRow64(rng *rand.Rand) (r Row64) {
	for i := range r {
		r[i] = rng.Uint64() >> rng.IntN(64)
		if rng.IntN(4) == 0 {
			r[i] = -r[i]
		}
	}
	return r
}

// TestRowsAgree holds every hot row in use to its Go version, bit by bit.
func TestRowsAgree(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	typ := reflect.TypeOf(goRows)
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		for range 200 {
			a, b, c := randomRow(rng), randomRow(rng), randomRow(rng)
			p, q, r := randomRow64(rng), randomRow64(rng), randomRow64(rng)
			a[5], p[9] = b[5], q[9] // equality must occur
			var want, got Row
			var want64, got64 Row64
			switch typ.Field(i).Type {
			case reflect.TypeFor[rowFunc]():
				fieldOf[rowFunc](&goRows, i)(&want, &a, &b, &c)
				fieldOf[rowFunc](&rows, i)(&got, &a, &b, &c)
			case reflect.TypeFor[row64Func]():
				fieldOf[row64Func](&goRows, i)(&want64, &p, &q, &r)
				fieldOf[row64Func](&rows, i)(&got64, &p, &q, &r)
			case reflect.TypeFor[wideFunc]():
				fieldOf[wideFunc](&goRows, i)(&want64, &a, &b, &r)
				fieldOf[wideFunc](&rows, i)(&got64, &a, &b, &r)
			case reflect.TypeFor[shiftFunc]():
				fieldOf[shiftFunc](&goRows, i)(&want64, &p, &b, &c)
				fieldOf[shiftFunc](&rows, i)(&got64, &p, &b, &c)
			case reflect.TypeFor[thinFunc]():
				fieldOf[thinFunc](&goRows, i)(&want, &p, &q)
				fieldOf[thinFunc](&rows, i)(&got, &p, &q)
			}
			require.Equal(t, want, got, name)
			require.Equal(t, want64, got64, name)
		}
	}
}

// TestRowsAgreeSpecial covers the rows with signatures of their own.
func TestRowsAgreeSpecial(t *testing.T) {
	const seed = 8
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		a, b := randomRow(rng), randomRow(rng)
		p, q := randomRow64(rng), randomRow64(rng)
		a[3], p[4] = b[3], q[4]
		mask := rng.Uint32()

		want, got := a, a
		goRows.blend(&want, &b, mask)
		rows.blend(&got, &b, mask)
		require.Equal(t, want, got)
		want64, got64 := p, p
		goRows.blend64(&want64, &q, mask)
		rows.blend64(&got64, &q, mask)
		require.Equal(t, want64, got64)

		for _, flip := range []uint32{0, 1 << 31} {
			gt, eq := goRows.icmp(&a, &b, flip)
			gt2, eq2 := rows.icmp(&a, &b, flip)
			require.Equal(t, [2]uint32{gt, eq}, [2]uint32{gt2, eq2})
			gt, eq = goRows.icmp64(&p, &q, uint64(flip)<<32)
			gt2, eq2 = rows.icmp64(&p, &q, uint64(flip)<<32)
			require.Equal(t, [2]uint32{gt, eq}, [2]uint32{gt2, eq2})
		}
		lt, eq, un := goRows.fcmp(&a, &b)
		lt2, eq2, un2 := rows.fcmp(&a, &b)
		require.Equal(t, [3]uint32{lt, eq, un}, [3]uint32{lt2, eq2, un2})

		base := p[0]
		require.Equal(t, goRows.narrow(&p, base, &want), rows.narrow(&p, base, &got))
		require.Equal(t, want, got)
		var s, s2 [4]uint32
		for _, pattern := range []*Row{&b, &strides[4]} {
			offs := a
			if mask&1 == 0 {
				rows.add(&offs, &strides[4], &Row{}, nil)
			}
			goRows.survey(&offs, pattern, &s)
			rows.survey(&offs, pattern, &s2)
			require.Equal(t, s[:3], s2[:3])
			require.Equal(t, s[3] == 0, s2[3] == 0)
		}
	}
}

func TestRowsAgreeMatrix(t *testing.T) {
	const seed = 9
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		src, src2 := randomRow(rng), randomRow(rng)
		for i := range src { // no infinities and NaNs: their payloads are not compared
			src[i], src2[i] = src[i]&0xbbffbbff, src2[i]&0xbbffbbff
		}
		for _, f := range [][2]func(*float64, int, *Row){
			{goRows.tileBF16, rows.tileBF16}, {goRows.tileBF16T, rows.tileBF16T},
			{goRows.tileF16, rows.tileF16}, {goRows.tileF16T, rows.tileF16T},
		} {
			var want, got [8][10]float64
			f[0](&want[0][0], 80, &src)
			f[1](&got[0][0], 80, &src)
			require.Equal(t, want, got)
		}
		var want, got mmaScratch
		goRows.loadAcc(&want.acc[8], &src, &src2)
		rows.loadAcc(&got.acc[8], &src, &src2)
		require.Equal(t, want.acc, got.acc)
		for i := range want.a {
			for k := range want.a[i] {
				want.a[i][k] = float64(rng.IntN(2001) - 1000)
			}
		}
		for k := range want.b {
			for j := range want.b[k] {
				want.b[k][j] = math.Ldexp(float64(rng.IntN(2001)-1000), rng.IntN(20)-10)
			}
		}
		got = want
		goRows.dot(&want.acc, &want.a, &want.b, 16)
		rows.dot(&got.acc, &got.a, &got.b, 16)
		require.Equal(t, want.acc, got.acc)
		var w0, w1, g0, g1 Row
		got.acc[3][2], want.acc[3][2] = math.NaN(), math.NaN()
		goRows.storeAcc(&want.acc[0], &w0, &w1)
		rows.storeAcc(&got.acc[0], &g0, &g1)
		require.Equal(t, [2]Row{w0, w1}, [2]Row{g0, g1})
	}
}

func TestFmaRunAgrees(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 0))
	file := make([]Row, 8)
	for i := range file {
		file[i] = randomRow(rng)
	}
	recs := [][4]uint32{{0, 128, 256, 0}, {512, 0, 128, 640}, {0, 512, 512, 896}}
	want := append([]Row(nil), file...)
	goRows.fmaRun(&want[0], &recs[0], len(recs))
	rows.fmaRun(&file[0], &recs[0], len(recs))
	require.Equal(t, want, file)
}
