package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-compute/tandem/bench"
)

// palette gives every implementation a colour class, in the order in which they appear; the page's style defines as
// many as colours says and they are used again after that.
type palette []string

const colours = 7

func (p *palette) class(impl string) string {
	i := slices.Index(*p, impl)
	if i < 0 {
		i = len(*p)
		*p = append(*p, impl)
	}
	return fmt.Sprintf("c%d", i%colours)
}

// roofline plots rate against intensity, under the ceilings of the thread count: bytes per second times intensity
// up to the peak. It is nil if no case counts flops.
func roofline(results []bench.Result, threads int, c bench.Ceilings, p *palette) *chart {
	var xs, ys []float64
	for _, r := range results {
		for _, row := range r.Rows {
			if row.GFlops > 0 {
				xs, ys = append(xs, r.Case.Intensity()), append(ys, row.GFlops)
			}
		}
	}
	if len(xs) == 0 {
		return nil
	}
	f := &chart{
		Title: "Roofline, " + plural(threads, "thread"), Width: 860, Height: 480, Plot: box{70, 20, 690, 400},
		XLabel: "flops per byte", YLabel: "GF/s",
	}
	l, measured := c.At(threads)
	f32, f64 := c.Peak(bench.F32, threads), c.Peak(bench.F64, threads)
	if f32 > 0 {
		xs, ys = append(xs, f32/l.Read), append(ys, f32)
	}
	x, y := newLogScale(xs, 2, f.Plot.X, f.Plot.Right()), newLogScale(ys, 10, f.Plot.Bottom(), f.Plot.Y)
	f.XTicks, f.YTicks = x.ticks(2), y.ticks(10)
	if f32 > 0 {
		f.Lines = append(f.Lines, roof(x, y, l.Read, f32, "f32 peak"), roof(x, y, l.Read, f64, "f64 peak"))
	} else if measured {
		f.Lines = append(f.Lines, roof(x, y, l.Read, y.hi, "read bandwidth"))
	}
	for _, r := range results {
		for _, row := range r.Rows {
			if row.GFlops > 0 {
				f.Marks = append(f.Marks, mark{
					point: point{x.at(r.Case.Intensity()), y.at(row.GFlops)}, Class: p.class(row.Impl),
					Title: fmt.Sprintf("%s: %s %s GF/s", title(r.Case), row.Impl, rate(row.GFlops)),
				})
			}
		}
	}
	return f
}

// roof is the line min(bandwidth x, peak), from where it enters the plot.
func roof(x, y logScale, bandwidth, peak float64, label string) line {
	left := max(x.lo, y.lo/bandwidth)
	ridge := min(max(peak/bandwidth, left), x.hi)
	points := []point{{x.at(left), y.at(bandwidth * left)}, {x.at(ridge), y.at(bandwidth * ridge)}}
	if ridge < x.hi {
		points = append(points, point{x.at(x.hi), y.at(peak)})
	}
	return line{Class: "roof", Points: points, Label: label}
}

// ratios plots each case's ratios with their intervals, a case a row. It is nil where there are none.
func ratios(results []bench.Result, threads int, p *palette) *chart {
	const rowHeight, apart = 24, 4 // a case's peers stand a little apart, or they would hide each other
	var rows []bench.Result
	for _, r := range results {
		if !random(r) && len(ratioRows(r)) > 0 {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	height := float64(rowHeight * len(rows))
	f := &chart{
		Title: "Time over the reference's, " + plural(threads, "thread"), Width: 860, Height: height + 70,
		Plot: box{270, 20, 560, height}, XLabel: "ratio with 95% interval; above 1 the reference is faster",
	}
	values := []float64{1}
	for _, r := range rows {
		for _, row := range ratioRows(r) {
			values = append(values, row.Ratio.Lo, row.Ratio.Hi)
		}
	}
	x := newLogScale(values, 2, f.Plot.X, f.Plot.Right())
	f.XTicks = x.ticks(2)
	f.Lines = append(f.Lines, line{Class: "one", Points: []point{{x.at(1), f.Plot.Y}, {x.at(1), f.Plot.Bottom()}}})
	for i, r := range rows {
		middle := f.Plot.Y + rowHeight*(float64(i)+0.5)
		f.YTicks = append(f.YTicks, tick{middle, r.Case.Name})
		peers := ratioRows(r)
		for j, row := range peers {
			y := middle + apart*(float64(j)-float64(len(peers)-1)/2)
			e, class := row.Ratio, p.class(row.Impl)
			f.Lines = append(f.Lines, line{Class: class, Points: []point{{x.at(e.Lo), y}, {x.at(e.Hi), y}}})
			f.Marks = append(f.Marks, mark{point: point{x.at(e.Median), y}, Class: class,
				Title: fmt.Sprintf("%s: %s %.3f [%.3f, %.3f]", r.Case.Name, row.Impl, e.Median, e.Lo, e.Hi)})
		}
	}
	return f
}

// randomRatios plots, for each peer, its ratios over the random shapes in ascending order. It is nil where there
// are none.
func randomRatios(results []bench.Result, threads int, p *palette) *chart {
	type entry struct {
		ratio float64
		title string
	}
	byPeer, values := map[string][]entry{}, []float64{1}
	var order []string
	longest := 0
	for _, r := range results {
		for _, row := range ratioRows(r) {
			if !random(r) {
				continue
			}
			if byPeer[row.Impl] == nil {
				order = append(order, row.Impl)
			}
			byPeer[row.Impl] = append(byPeer[row.Impl],
				entry{row.Ratio.Median, fmt.Sprintf("%s: %s %.3f", title(r.Case), row.Impl, row.Ratio.Median)})
			values = append(values, row.Ratio.Median)
			longest = max(longest, len(byPeer[row.Impl]))
		}
	}
	if len(order) == 0 {
		return nil
	}
	f := &chart{
		Title: "Random shapes, " + plural(threads, "thread"), Width: 860, Height: 380, Plot: box{70, 20, 690, 310},
		XLabel: "shapes, by ratio", YLabel: "ratio",
	}
	y := newLogScale(values, 2, f.Plot.Bottom(), f.Plot.Y)
	f.YTicks = y.ticks(2)
	f.Lines = append(f.Lines, line{Class: "one", Points: []point{{f.Plot.X, y.at(1)}, {f.Plot.Right(), y.at(1)}}})
	for _, impl := range order {
		entries := byPeer[impl]
		slices.SortFunc(entries, func(a, b entry) int {
			if a.ratio < b.ratio {
				return -1
			}
			return 1
		})
		l := line{Class: p.class(impl), Label: impl}
		for i, e := range entries {
			at := point{f.Plot.X + f.Plot.W*(float64(i)+0.5)/float64(longest), y.at(e.ratio)}
			l.Points = append(l.Points, at)
			f.Marks = append(f.Marks, mark{point: at, Class: l.Class, Title: e.title})
		}
		f.Lines = append(f.Lines, l)
	}
	return f
}

func random(r bench.Result) bool { return strings.Contains(r.Case.Name, "/random/") }

// ratioRows are a result's rows that have a ratio.
func ratioRows(r bench.Result) []bench.Row {
	var rows []bench.Row
	for _, row := range r.Rows {
		if row.Ratio != nil {
			rows = append(rows, row)
		}
	}
	return rows
}
