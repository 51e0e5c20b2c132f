package report

import (
	"fmt"
	"math"
)

// chart is an SVG figure, ready to be written: everything in pixels, and a class for each implementation's colour.
type chart struct {
	Title         string
	Width, Height float64
	Plot          box
	XLabel        string
	YLabel        string
	XTicks        []tick
	YTicks        []tick
	Lines         []line
	Marks         []mark
}

type box struct{ X, Y, W, H float64 }

func (b box) Right() float64  { return b.X + b.W }
func (b box) Bottom() float64 { return b.Y + b.H }

type tick struct {
	At    float64
	Label string
}

// line is a polyline with a label at its last point.
type line struct {
	Class  string
	Points []point
	Label  string
}

type point struct{ X, Y float64 }

// Path is the points as SVG spells them.
func (l line) Path() string {
	s := ""
	for _, p := range l.Points {
		s += fmt.Sprintf("%.1f,%.1f ", p.X, p.Y)
	}
	return s
}

// End is the line's last point, where its label stands.
func (l line) End() point { return l.Points[len(l.Points)-1] }

// mark is a dot that says what it is when pointed at.
type mark struct {
	point
	Class, Title string
}

// logScale maps values in [lo, hi] onto pixels [from, to] by their logarithm.
type logScale struct{ lo, hi, from, to float64 }

// newLogScale covers the values, rounded outwards to whole powers of the base.
func newLogScale(values []float64, base, from, to float64) logScale {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		lo, hi = min(lo, v), max(hi, v)
	}
	step := math.Log(base)
	floor := math.Floor(math.Log(lo)/step + 1e-9)
	ceil := math.Ceil(math.Log(hi)/step - 1e-9)
	return logScale{math.Pow(base, floor), math.Pow(base, max(ceil, floor+1)), from, to}
}

func (s logScale) at(v float64) float64 {
	v = min(max(v, s.lo), s.hi)
	return s.from + (s.to-s.from)*math.Log(v/s.lo)/math.Log(s.hi/s.lo)
}

// ticks are the scale's powers of the base, thinned to at most ten or so.
func (s logScale) ticks(base float64) []tick {
	const most = 10
	n := int(math.Round(math.Log(s.hi/s.lo) / math.Log(base)))
	every := n/most + 1
	var ts []tick
	for i := 0; i <= n; i += every {
		v := s.lo * math.Pow(base, float64(i))
		ts = append(ts, tick{s.at(v), fmt.Sprintf("%.4g", v)})
	}
	return ts
}
