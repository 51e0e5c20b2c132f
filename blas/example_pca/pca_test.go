package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	gonumblas "gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/tandem-compute/tandem"
	"github.com/tandem-compute/tandem/blas"
)

// agrees holds the analysis of x, with gonum's BLAS and with ours, to gonum's own by singular values.
func agrees(t *testing.T, x *mat.Dense, k int) {
	var pc stat.PC
	require.True(t, pc.PrincipalComponents(x, nil))
	_, cols := x.Dims()
	var vectors mat.Dense
	pc.VectorsTo(&vectors)
	want := &analysis{variance: pc.VarsTo(nil)[:k]}
	want.directions.CloneFrom(vectors.Slice(0, cols, 0, k))
	want.scores.Mul(centre(x), &want.directions)

	dev, err := tandem.Open(tandem.OnDevice("cpu"))
	require.NoError(t, err)
	impl, err := blas.New(dev)
	require.NoError(t, err)
	defer blas64.Use(gonum.Implementation{})
	for name, use := range map[string]gonumblas.Float64{"gonum": gonum.Implementation{}, "tandem": impl} {
		blas64.Use(use)
		got, err := analyse(x, k)
		require.NoError(t, err)
		variance, direction, scores := want.distance(got)
		require.Less(t, variance, 1e-10, name)
		require.Less(t, direction, 1e-6, name)
		require.Less(t, scores, 1e-6, name)
	}
	require.NotZero(t, dev.Stats().Ops, "the device computed nothing")
	require.NoError(t, dev.Close())
}

func TestComponentsOfKnownData(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	x := mat.NewDense(120, 60, nil)
	for i := range 120 {
		for j := range 60 {
			x.Set(i, j, r.NormFloat64())
		}
		for j := range 4 { // four directions stand out, each by another amount
			x.Set(i, j, x.At(i, j)*float64(20-4*j)+5)
		}
	}
	agrees(t, x, 4)
	_, err := analyse(x, 61)
	require.Error(t, err)
}

func TestComponentsOfFashion(t *testing.T) {
	x, err := readImages(fashion, 300)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("dataset-fashion-mnist is not installed")
	}
	require.NoError(t, err)
	agrees(t, x, 3)
	var report bytes.Buffer
	require.NoError(t, compare(&report, x, 3))
	require.Contains(t, report.String(), "300 observations of 784 variables")
}

func TestReadImages(t *testing.T) {
	write := func(head []uint32, pixels ...byte) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		require.NoError(t, binary.Write(z, binary.BigEndian, head))
		_, err := z.Write(pixels)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		path := filepath.Join(t.TempDir(), "images.gz")
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
		return path
	}
	x, err := readImages(write([]uint32{0x803, 2, 1, 3}, 0, 51, 255, 255, 102, 0), 2)
	require.NoError(t, err)
	require.Equal(t, mat.NewDense(2, 3, []float64{0, 0.2, 1, 1, 0.4, 0}), x)
	for _, head := range [][]uint32{{0x801, 2, 1, 3}, {0x803, 1, 1, 3}, {0x803, 2, 0, 3}, {0x803, 2, 1 << 31, 1 << 31}, {0x803, 2, 1, 4}, {0x803}} {
		_, err = readImages(write(head, 1, 2, 3, 4, 5, 6), 2)
		require.Error(t, err, "%x", head)
	}
}
