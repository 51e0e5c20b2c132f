package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// This file is plain gonum and knows nothing of devices.

// analysis is the first components of a set of observations.
type analysis struct {
	variance, share []float64
	directions      mat.Dense // variables x components
	scores          mat.Dense // observations x components, of the centred observations
}

const (
	extra = 32 // directions that are searched beside those wanted: the more, the faster these converge
	turns = 12
	seed  = 1
)

// analyse finds the first k principal components of the rows of x by subspace iteration (Halko, Martinsson and Tropp,
// 2011): a random set of directions is turned towards those of the largest variance by multiplying it with Xᵀ X.
func analyse(x *mat.Dense, k int) (*analysis, error) {
	rows, cols := x.Dims()
	if k < 1 || k > min(rows, cols) {
		return nil, fmt.Errorf("%d components of %d observations of %d variables", k, rows, cols)
	}
	centred := centre(x)
	v, r := mat.NewDense(cols, min(k+extra, cols), nil), rand.New(rand.NewPCG(seed, 1))
	v.Apply(func(_, _ int, _ float64) float64 { return r.NormFloat64() }, v)
	var z mat.Dense
	for range turns {
		z.Mul(centred, v)
		v.Mul(centred.T(), &z)
		orthonormalise(v)
	}
	z.Mul(centred, v)
	var gram mat.SymDense
	gram.SymOuterK(1/float64(rows-1), z.T())
	var eigen mat.EigenSym
	if !eigen.Factorize(&gram, true) {
		return nil, fmt.Errorf("the eigenvalues of %d directions do not converge", gram.SymmetricDim())
	}
	a := &analysis{}
	total := math.Pow(mat.Norm(centred, 2), 2) / float64(rows-1)
	values, vectors := eigen.Values(nil), new(mat.Dense)
	eigen.VectorsTo(vectors)
	n := len(values)
	turn := mat.NewDense(n, k, nil)
	for i := range k { // gonum has the largest eigenvalue last
		a.variance = append(a.variance, values[n-1-i])
		a.share = append(a.share, values[n-1-i]/total)
		turn.SetCol(i, mat.Col(nil, n-1-i, vectors))
	}
	a.directions.Mul(v, turn)
	a.scores.Mul(&z, turn)
	return a, nil
}

// centre is x less the mean of each column.
func centre(x *mat.Dense) *mat.Dense {
	_, cols := x.Dims()
	mean := make([]float64, cols)
	for j := range mean {
		mean[j] = stat.Mean(mat.Col(nil, j, x), nil)
	}
	y := mat.DenseCopyOf(x)
	y.Apply(func(_, j int, v float64) float64 { return v - mean[j] }, y)
	return y
}

// orthonormalise replaces the columns of v by an orthonormal basis of what they span.
func orthonormalise(v *mat.Dense) {
	raw := v.RawMatrix()
	tau, size := make([]float64, raw.Cols), make([]float64, 1)
	lapack64.Geqrf(raw, tau, size, -1)
	work := make([]float64, int(size[0]))
	lapack64.Geqrf(raw, tau, work, len(work))
	lapack64.Orgqr(raw, tau, work, len(work))
}

// distance is how far two analyses are apart. A direction counts the same as its opposite, and so do its scores.
func (a *analysis) distance(b *analysis) (variance, direction, scores float64) {
	for i, v := range a.variance {
		variance = max(variance, math.Abs(v-b.variance[i])/v)
		p, q := mat.Col(nil, i, &a.directions), mat.Col(nil, i, &b.directions)
		s, t := mat.Col(nil, i, &a.scores), mat.Col(nil, i, &b.scores)
		if floats.Dot(p, q) < 0 {
			floats.Scale(-1, q)
			floats.Scale(-1, t)
		}
		direction = max(direction, floats.Distance(p, q, math.Inf(1)))
		scores = max(scores, floats.Distance(s, t, math.Inf(1))/floats.Norm(s, math.Inf(1)))
	}
	return variance, direction, scores
}
