package report

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/tandem-compute/tandem/bench"
)

// Table writes results for people, each as soon as it stands: time, rate, the share of the machine's ceilings, and
// for a peer the ratio of its time to the reference's with the 95% interval.
type Table struct {
	w        io.Writer
	ceilings bench.Ceilings
	head     bool
}

// NewTable makes a Table. With zero Ceilings it shows no shares.
func NewTable(w io.Writer, c bench.Ceilings) *Table { return &Table{w: w, ceilings: c} }

// tableRow fits a terminal of 80 columns.
const tableRow = "  %-9s %9s %6s %5s %6s %5s  %s\n"

func (t *Table) Write(r bench.Result) error {
	var b strings.Builder
	if !t.head {
		t.head = true
		writeCeilings(&b, t.ceilings)
		fmt.Fprintf(&b, tableRow, "", "time", "GF/s", "peak", "GB/s", "bw", "ratio [95% interval] rounds")
	}
	fmt.Fprintf(&b, "%s  %s\n", title(r.Case), plural(r.Threads, "thread"))
	for _, row := range r.Rows {
		peak := t.ceilings.Peak(r.Case.DType, r.Threads)
		bandwidth := t.ceilings.Bandwidth(r.Case, r.Threads)
		fmt.Fprintf(&b, tableRow, row.Impl, duration(row.NS), rate(row.GFlops), share(row.GFlops, peak),
			rate(row.GBps), share(row.GBps, bandwidth), ratio(row))
	}
	writeAbsent(&b, r.Absent)
	_, err := io.WriteString(t.w, b.String())
	return err
}

func writeCeilings(b *strings.Builder, c bench.Ceilings) {
	if len(c.Levels) == 0 {
		return
	}
	fmt.Fprintf(b, "ceilings (%s loops)\n", c.Variant)
	for _, l := range c.Levels {
		fmt.Fprintf(b, "  %-10s  f32 %s GF/s, f64 %s GF/s, read %s GB/s, copy %s GB/s\n",
			plural(l.Threads, "thread"), rate(l.F32), rate(l.F64), rate(l.Read), rate(l.Copy))
	}
}

// title is the case's name; a random shape's name does not say its size.
func title(c bench.Case) string {
	if shape := c.Spec.String(); !strings.HasSuffix(c.Name, shape) {
		return c.Name + " (" + shape + ")"
	}
	return c.Name
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// duration of so many nanoseconds, to four digits.
func duration(ns float64) string {
	for _, u := range []struct {
		ns   float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= u.ns {
			return digits(ns/u.ns, 4) + " " + u.name
		}
	}
	return digits(ns, 4) + " ns"
}

// rate is a figure to three digits, or a dash for none.
func rate(x float64) string {
	if x == 0 {
		return "-"
	}
	return digits(x, 3)
}

// digits writes x ≥ 0 in so many significant digits, but never rounds before the point.
func digits(x float64, n int) string {
	decimals := n
	if x > 0 {
		decimals = n - 1 - int(math.Floor(math.Log10(x)))
	}
	return fmt.Sprintf("%.*f", min(max(decimals, 0), n), x)
}

func share(x, ceiling float64) string {
	if x == 0 || ceiling == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*x/ceiling)
}

func ratio(row bench.Row) string {
	if e := row.Ratio; e != nil {
		wide := ""
		if !e.Narrow() {
			wide = " wide"
		}
		return fmt.Sprintf("%s [%s, %s] %d%s", digits(e.Median, 4), digits(e.Lo, 4), digits(e.Hi, 4), len(row.Times), wide)
	}
	return fmt.Sprintf("%21s%d", "", len(row.Times))
}

// writeAbsent lists what failed, a line each, and in one line those that have no such case.
func writeAbsent(b *strings.Builder, absent []bench.Absent) {
	var lacking []string
	for _, a := range absent {
		if errors.Is(a.Err, bench.ErrUnsupported) {
			lacking = append(lacking, a.Impl)
			continue
		}
		fmt.Fprintf(b, "  %-9s failed: %v\n", a.Impl, a.Err)
	}
	if len(lacking) > 0 {
		fmt.Fprintf(b, "  no such case: %s\n", strings.Join(lacking, ", "))
	}
}
