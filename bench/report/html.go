package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/tandem-compute/tandem/bench"
)

//go:embed page.html
var pageSource string

var page = template.Must(template.New("page").Parse(pageSource))

// HTML collects results and writes them as one page when it is closed. The page needs nothing beside itself: its
// figures are SVG within it, and it runs no script.
type HTML struct {
	w        io.Writer
	ceilings bench.Ceilings
	results  []bench.Result
}

// NewHTML makes an HTML. With zero Ceilings its rooflines have no roof.
func NewHTML(w io.Writer, c bench.Ceilings) *HTML { return &HTML{w: w, ceilings: c} }

func (h *HTML) Write(r bench.Result) error {
	h.results = append(h.results, r)
	return nil
}

// Close writes the page.
func (h *HTML) Close() error {
	var data pageData
	var colour palette
	for _, threads := range h.threads() {
		at := slices.DeleteFunc(slices.Clone(h.results), func(r bench.Result) bool { return r.Threads != threads })
		for _, f := range []*chart{
			ratios(at, threads, &colour), randomRatios(at, threads, &colour), roofline(at, threads, h.ceilings, &colour),
		} {
			if f != nil {
				data.Charts = append(data.Charts, f)
			}
		}
	}
	for _, impl := range colour {
		data.Legend = append(data.Legend, legend{colour.class(impl), impl})
	}
	for _, l := range h.ceilings.Levels {
		data.Ceilings = append(data.Ceilings, []string{
			plural(l.Threads, "thread"), rate(l.F32), rate(l.F64), rate(l.Read), rate(l.Copy),
		})
	}
	data.Variant = h.ceilings.Variant
	for _, r := range h.results {
		data.Rows = append(data.Rows, h.rows(r)...)
	}
	return page.Execute(h.w, data)
}

type pageData struct {
	Charts   []*chart
	Legend   []legend
	Variant  string
	Ceilings [][]string
	Rows     [][]string
}

type legend struct{ Class, Name string }

// threads lists the thread counts of the results, ascending.
func (h *HTML) threads() []int {
	var ts []int
	for _, r := range h.results {
		ts = append(ts, r.Threads)
	}
	slices.Sort(ts)
	return slices.Compact(ts)
}

// rows are a result's lines of the page's table.
func (h *HTML) rows(r bench.Result) [][]string {
	var rows [][]string
	for _, row := range r.Rows {
		cells := []string{
			title(r.Case), fmt.Sprint(r.Threads), row.Impl, duration(row.NS),
			rate(row.GFlops), share(row.GFlops, h.ceilings.Peak(r.Case.DType, r.Threads)),
			rate(row.GBps), share(row.GBps, h.ceilings.Bandwidth(r.Case, r.Threads)), "", "", fmt.Sprint(len(row.Times)),
		}
		if e := row.Ratio; e != nil {
			cells[8], cells[9] = fmt.Sprintf("%.3f", e.Median), fmt.Sprintf("%.3f to %.3f", e.Lo, e.Hi)
		}
		rows = append(rows, cells)
	}
	return rows
}
