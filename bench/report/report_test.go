package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/bench"
)

var ceilings = bench.Ceilings{Variant: "avx2", Levels: []bench.Ceiling{
	{Threads: 1, F32: 100, F64: 50, Read: 18.2, Copy: 26},
	{Threads: 2, F32: 200, F64: 100, Read: 28, Copy: 32},
}}

func newCase(t *testing.T, name string) bench.Case {
	t.Helper()
	c, err := bench.ParseCase(name)
	require.NoError(t, err)
	return c
}

// result makes up a result in which the reference takes ns nanoseconds and each peer as much more as its ratio says.
func result(t *testing.T, name string, ns float64, ratios map[string]bench.Estimate) bench.Result {
	t.Helper()
	c := newCase(t, name)
	r := bench.Result{Case: c, Threads: 2}
	add := func(impl string, ns float64, e *bench.Estimate) {
		r.Rows = append(r.Rows, bench.Row{Impl: impl, Iters: 100, Times: []float64{ns / 1e9, ns / 1e9},
			NS: ns, GFlops: c.Flops / ns, GBps: c.Bytes / ns, Ratio: e})
	}
	add("tandem", ns, nil)
	for _, impl := range []string{"gonum", "openblas"} {
		if e, ok := ratios[impl]; ok {
			add(impl, ns*e.Median, &e)
		}
	}
	return r
}

func sampleResults(t *testing.T) []bench.Result {
	gemm := result(t, "gemm/f32/500x500x500", 2e6,
		map[string]bench.Estimate{"gonum": {Median: 10, Lo: 9, Hi: 11}, "openblas": {Median: 1.25, Lo: 1.2, Hi: 1.3}})
	sorted := result(t, "sort/f32/1000000", 1e8, nil)
	sorted.Absent = []bench.Absent{
		{Impl: "gonum", Err: fmt.Errorf("sort: %w", bench.ErrUnsupported)},
		{Impl: "openblas", Err: bench.ErrUnsupported}, {Impl: "pytorch", Err: errors.New("out of <memory> & luck")},
	}
	results := []bench.Result{gemm, sorted}
	for i := range 20 {
		results = append(results, result(t, fmt.Sprintf("gemm/f32/random/%d", i), 1e4,
			map[string]bench.Estimate{"openblas": {Median: 0.5 + float64(i*7%20)/10, Lo: 0.4, Hi: 3}}))
	}
	return results
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	table := NewTable(&b, ceilings)
	for _, r := range sampleResults(t)[:3] {
		require.NoError(t, table.Write(r))
	}
	want := `ceilings (avx2 loops)
  1 thread    f32 100 GF/s, f64 50.0 GF/s, read 18.2 GB/s, copy 26.0 GB/s
  2 threads   f32 200 GF/s, f64 100 GF/s, read 28.0 GB/s, copy 32.0 GB/s
                 time   GF/s  peak   GB/s    bw  ratio [95% interval] rounds
gemm/f32/500x500x500  2 threads
  tandem     2.000 ms    125   62%   1.50    5%                       2
  gonum      20.00 ms   12.5    6%  0.150    0%  10.00 [9.000, 11.00] 2 wide
  openblas   2.500 ms    100   50%   1.20    4%  1.250 [1.200, 1.300] 2
sort/f32/1000000  2 threads
  tandem     100.0 ms      -     -  0.160    0%                       2
  pytorch   failed: out of <memory> & luck
  no such case: gonum, openblas
gemm/f32/random/0 (106x6x1013)  2 threads
`
	require.Equal(t, want, b.String()[:len(want)])
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 81, "80 columns and the newline: %s", line)
	}
}

func TestTableWithoutCeilings(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, NewTable(&b, bench.Ceilings{}).Write(sampleResults(t)[0]))
	require.NotContains(t, b.String(), "ceilings")
	require.NotContains(t, strings.ReplaceAll(b.String(), "95%", ""), "%", "no share of an unknown ceiling")
}

func TestJSONLines(t *testing.T) {
	var b bytes.Buffer
	j := NewJSONLines(&b)
	for _, r := range sampleResults(t)[:2] {
		require.NoError(t, j.Write(r))
	}
	require.Equal(t, `{"case":"gemm/f32/500x500x500","impl":"tandem","threads":2,"ns":2000000,"gflops":125,"gbps":1.5}
{"case":"gemm/f32/500x500x500","impl":"gonum","threads":2,"ns":20000000,"gflops":12.5,"gbps":0.15,"ratio":10,"lo":9,"hi":11}
{"case":"gemm/f32/500x500x500","impl":"openblas","threads":2,"ns":2500000,"gflops":100,"gbps":1.2,"ratio":1.25,"lo":1.2,"hi":1.3}
{"case":"sort/f32/1000000","impl":"tandem","threads":2,"ns":100000000,"gflops":0,"gbps":0.16}
`, b.String())
}

func TestBenchstat(t *testing.T) {
	var b bytes.Buffer
	s := NewBenchstat(&b)
	for _, r := range sampleResults(t)[:2] {
		require.NoError(t, s.Write(r))
	}
	_, body, _ := strings.Cut(b.String(), "impl")
	require.Equal(t, `: tandem
BenchmarkGemm/f32/500x500x500-2	100	2e+06 ns/op	125 GFLOP/s	1.5 GB/s
BenchmarkGemm/f32/500x500x500-2	100	2e+06 ns/op	125 GFLOP/s	1.5 GB/s
impl: gonum
BenchmarkGemm/f32/500x500x500-2	100	2e+07 ns/op	12.5 GFLOP/s	0.15 GB/s
BenchmarkGemm/f32/500x500x500-2	100	2e+07 ns/op	12.5 GFLOP/s	0.15 GB/s
impl: openblas
BenchmarkGemm/f32/500x500x500-2	100	2.5e+06 ns/op	100 GFLOP/s	1.2 GB/s
BenchmarkGemm/f32/500x500x500-2	100	2.5e+06 ns/op	100 GFLOP/s	1.2 GB/s
impl: tandem
BenchmarkSort/f32/1000000-2	100	1e+08 ns/op	0.16 GB/s
BenchmarkSort/f32/1000000-2	100	1e+08 ns/op	0.16 GB/s
`, body)
}

func htmlPage(t *testing.T, c bench.Ceilings, results []bench.Result) string {
	t.Helper()
	var b bytes.Buffer
	h := NewHTML(&b, c)
	for _, r := range results {
		require.NoError(t, h.Write(r))
	}
	require.NoError(t, h.Close())
	return b.String()
}

// The page is XML as well, so a strict parser can judge it.
func requireWellFormed(t *testing.T, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestHTML(t *testing.T) {
	results := sampleResults(t)
	results[0].Rows[1].Impl = `<b>"&`
	page := htmlPage(t, ceilings, results)
	requireWellFormed(t, page)
	require.NotContains(t, page, "<b>", "names are escaped")
	require.NotRegexp(t, `NaN|Inf|<script|https?://|ZgotmplZ`, page)
	require.Equal(t, 3, strings.Count(page, "<svg"), "ratios, random shapes, roofline")

	const peerRows, rows = 2 + 20, 3 + 1 + 2*20
	require.Equal(t, peerRows+rows-1, strings.Count(page, "<circle"), "a dot for each ratio, and for each rate but sort's")
	for _, c := range regexp.MustCompile(`cx="([^"]*)" cy="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		var x, y float64
		_, err := fmt.Sscan(c[1], &x)
		require.NoError(t, err)
		_, err = fmt.Sscan(c[2], &y)
		require.NoError(t, err)
		require.True(t, 0 < x && x < 860 && 0 < y && y < 480, "%v is outside of its figure", c)
	}
}

func TestHTMLOfLittle(t *testing.T) {
	requireWellFormed(t, htmlPage(t, bench.Ceilings{}, nil))
	page := htmlPage(t, bench.Ceilings{}, sampleResults(t)[:1])
	requireWellFormed(t, page)
	require.NotRegexp(t, `NaN|Inf`, page)
	require.NotContains(t, page, `class="roof"`)
	generic := ceilings
	generic.Variant = "generic"
	page = htmlPage(t, generic, sampleResults(t)[:1])
	require.Equal(t, 1, strings.Count(page, `class="roof"`), "bandwidth alone: a scalar loop is no peak")
}

func TestLogScale(t *testing.T) {
	s := newLogScale([]float64{3, 900}, 10, 0, 300)
	require.Equal(t, logScale{1, 1000, 0, 300}, s)
	require.InDelta(t, 100, s.at(10), 1e-9)
	require.InDelta(t, 300, s.at(1e6), 1e-9, "what is outside stands at the edge")
	one := newLogScale([]float64{1}, 2, 0, 10)
	require.Equal(t, 2.0, one.hi, "a single value still has a scale")
	var labels []string
	for _, tick := range newLogScale([]float64{1, 1 << 30}, 2, 0, 1).ticks(2) {
		labels = append(labels, tick.Label)
	}
	require.LessOrEqual(t, len(labels), 11)
	require.Equal(t, "1", labels[0])
}

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{
		0.5: "0.5000 ns", 12.3456: "12.35 ns", 1500: "1.500 µs", 2.5e6: "2.500 ms", 1.5e9: "1.500 s", 25e9: "25.00 s",
	} {
		require.Equal(t, want, duration(ns))
	}
}
