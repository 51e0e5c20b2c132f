package ref

import "math"

// sum adds real numbers, and products of two, without the rounding errors of a plain sum: what each addition and each
// product loses is added up apart. The oracle of float64 ops would otherwise be no better than what it judges.
//
// Ogita, Rump, Oishi: Accurate sum and dot product (2005).
type sum struct{ value, lost float64 }

func (s *sum) add(x float64) {
	t := s.value + x
	z := t - s.value
	if !math.IsInf(t, 0) {
		s.lost += (s.value - (t - z)) + (x - z)
	}
	s.value = t
}

// addProduct adds a b.
func (s *sum) addProduct(a, b float64) {
	p := a * b
	s.add(p)
	if !math.IsInf(p, 0) {
		s.lost += math.FMA(a, b, -p)
	}
}

func (s *sum) total() float64 { return s.value + s.lost }
