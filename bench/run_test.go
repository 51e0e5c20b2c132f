package bench

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fake is an implementation on a clock of its own: a run takes perIter a piece, times noise that it draws.
type fake struct {
	name       string
	perIter    time.Duration
	sigma      float64
	prepareErr error
	runErr     error // of every run after the first failAfter
	failAfter  int
	trace      *[]string // of the names of those that ran, over all fakes
	slow       *float64  // a factor that all fakes of a run share

	runs, open int
	rand       *rand.Rand
}

func (f *fake) Name() string { return f.name }
func (f *fake) Close()       {}

func (f *fake) Prepare(Case, int) (Runner, error) {
	if f.prepareErr != nil {
		return nil, f.prepareErr
	}
	f.rand = rand.New(rand.NewPCG(testSeed, hash(f.name)))
	f.open++
	return (*fakeRunner)(f), nil
}

type fakeRunner fake

func (f *fakeRunner) Run(n int) (time.Duration, error) {
	f.runs++
	if f.trace != nil {
		*f.trace = append(*f.trace, f.name)
	}
	if f.runErr != nil && f.runs > f.failAfter {
		return 0, f.runErr
	}
	factor := math.Exp(f.sigma * f.rand.NormFloat64())
	if f.slow != nil {
		factor *= *f.slow
	}
	return time.Duration(float64(n) * float64(f.perIter) * factor), nil
}

func (f *fakeRunner) Close() { f.open-- }

type results []Result

func (r *results) Write(res Result) error {
	*r = append(*r, res)
	return nil
}

var smallCase = mustCase(F32, GEMM{M: 10, N: 10, K: 10})

// quick has no real time in it; a sample of 100 µs is five iterations of 20 µs.
var quick = Options{Threads: 1, Sample: 100 * time.Microsecond, Settle: 1, Seed: testSeed}

func runOne(t *testing.T, o Options, impls ...Impl) (Result, error) {
	t.Helper()
	var got results
	err := Run(context.Background(), []Case{smallCase}, impls, o, &got)
	require.Len(t, got, 1)
	return got[0], err
}

func TestRunFindsTheRatio(t *testing.T) {
	res, err := runOne(t, quick,
		&fake{name: "mine", perIter: 13 * time.Microsecond, sigma: 0.03},
		&fake{name: "tandem", perIter: 10 * time.Microsecond, sigma: 0.03})
	require.NoError(t, err)
	require.Equal(t, smallCase, res.Case)
	require.Len(t, res.Rows, 2)
	ref, mine := res.Rows[0], res.Rows[1]
	require.Equal(t, "tandem", ref.Impl, "the reference comes first")
	require.Nil(t, ref.Ratio)
	require.True(t, mine.Ratio.Lo <= 1.3 && 1.3 <= mine.Ratio.Hi, "%+v, seed %d", *mine.Ratio, testSeed)
	require.InDelta(t, 1.3, mine.Ratio.Median, 0.07)
	require.True(t, mine.Ratio.Narrow())
	require.InEpsilon(t, 13e3, mine.NS, 0.1)
	require.InEpsilon(t, smallCase.Flops/mine.NS, mine.GFlops, 1e-12)
	require.InEpsilon(t, smallCase.Bytes/mine.NS, mine.GBps, 1e-12)
	require.InDelta(t, 10, ref.Iters, 2)

	again, err := runOne(t, quick,
		&fake{name: "mine", perIter: 13 * time.Microsecond, sigma: 0.03},
		&fake{name: "tandem", perIter: 10 * time.Microsecond, sigma: 0.03})
	require.NoError(t, err)
	require.Equal(t, res, again, "the same times give the same report")
}

// A machine whose speed drifts by a factor of eight during the run does not move the ratio: rounds are paired.
func TestRunPairsRounds(t *testing.T) {
	slow := 1.0
	res, err := runOne(t, quick,
		&fake{name: "tandem", perIter: 10 * time.Microsecond, slow: &slow},
		&hook{&fake{name: "mine", perIter: 13 * time.Microsecond, slow: &slow}, func() { slow *= 1.05 }})
	require.NoError(t, err)
	mine := res.Rows[1]
	require.InDelta(t, 1.3, mine.Ratio.Median, 0.07)
	require.True(t, mine.Ratio.Narrow())
}

func TestRunInterleaves(t *testing.T) {
	var trace []string // one call a sample: no warm-up in between
	impls := []Impl{
		&fake{name: "tandem", perIter: quick.Sample, trace: &trace},
		&fake{name: "a", perIter: quick.Sample, trace: &trace},
		&fake{name: "b", perIter: quick.Sample, trace: &trace},
	}
	_, err := runOne(t, quick, impls...)
	require.NoError(t, err)
	rounds := trace[len(trace)-3*defaultMinRounds:]
	orders := map[string]bool{}
	for i := 0; i < len(rounds); i += 3 {
		require.ElementsMatch(t, []string{"tandem", "a", "b"}, rounds[i:i+3])
		orders[rounds[i]+rounds[i+1]] = true
	}
	require.Greater(t, len(orders), 1, "the order changes from round to round")
}

func TestRunGoesOnUntilNarrow(t *testing.T) {
	res, err := runOne(t, quick,
		&fake{name: "tandem", perIter: 20 * time.Microsecond},
		&fake{name: "calm", perIter: 20 * time.Microsecond},
		&fake{name: "wild", perIter: 20 * time.Microsecond, sigma: 1})
	require.NoError(t, err)
	require.Len(t, res.Rows[0].Times, defaultMaxRounds, "as long as a peer needs it")
	require.Len(t, res.Rows[1].Times, defaultMinRounds)
	require.Len(t, res.Rows[2].Times, defaultMaxRounds)
	require.False(t, res.Rows[2].Ratio.Narrow())
}

func TestRunWithoutReference(t *testing.T) {
	res, err := runOne(t, quick, &fake{name: "a", perIter: 20 * time.Microsecond}, &fake{name: "b", perIter: 20 * time.Microsecond})
	require.NoError(t, err)
	for _, row := range res.Rows {
		require.Nil(t, row.Ratio)
		require.Len(t, row.Times, defaultMinRounds)
	}
	res, err = runOne(t, quick, &fake{name: "tandem", perIter: 20 * time.Microsecond})
	require.NoError(t, err)
	require.Len(t, res.Rows[0].Times, defaultMinRounds)
}

func TestRunLeavesOutWhatFails(t *testing.T) {
	broken, late := errors.New("no device"), errors.New("device lost")
	tandem := &fake{name: "tandem", perIter: 20 * time.Microsecond}
	failing := &fake{name: "failing", perIter: 20 * time.Microsecond, runErr: late, failAfter: 8}
	res, err := runOne(t, quick, tandem, failing,
		&fake{name: "absent", prepareErr: broken}, &fake{name: "lacking", prepareErr: ErrUnsupported},
		&fake{name: "dead", perIter: 20 * time.Microsecond, runErr: late}, &fake{name: "fine", perIter: 20 * time.Microsecond})

	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, late)
	require.ErrorContains(t, err, "gemm/f32/10x10x10: failing: device lost")
	require.NotErrorIs(t, err, ErrUnsupported)
	require.Len(t, res.Rows, 2)
	require.Equal(t, "fine", res.Rows[1].Impl)
	require.NotNil(t, res.Rows[1].Ratio)
	require.Len(t, res.Absent, 4)
	require.Equal(t, 9, failing.runs, "not run again after it failed")
	require.Zero(t, failing.open+tandem.open, "every runner is closed")
}

func TestRunWithAFailingReference(t *testing.T) {
	lost := errors.New("device lost")
	res, err := runOne(t, quick,
		&fake{name: "tandem", perIter: 20 * time.Microsecond, runErr: lost, failAfter: 8}, &fake{name: "a", perIter: 20 * time.Microsecond})
	require.ErrorIs(t, err, lost)
	require.Len(t, res.Rows, 1)
	require.Nil(t, res.Rows[0].Ratio)
}

func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	inner := &fake{name: "tandem", perIter: 20 * time.Microsecond}
	var got results
	require.ErrorIs(t, Run(ctx, []Case{smallCase, smallCase}, []Impl{&hook{inner, cancel}}, quick, &got), context.Canceled)
	require.Empty(t, got)
	require.Zero(t, inner.open)

	full := errors.New("disk full")
	err := Run(context.Background(), []Case{smallCase, smallCase}, []Impl{inner}, quick, brokenSink{full})
	require.ErrorIs(t, err, full)

	require.ErrorContains(t, Run(context.Background(), nil, nil, quick, &got), "no implementation")
	bad := quick
	bad.MaxRounds = 3
	require.ErrorContains(t, Run(context.Background(), nil, []Impl{inner}, bad, &got), "rounds 9 to 3")
}

type brokenSink struct{ err error }

func (s brokenSink) Write(Result) error { return s.err }

// hook calls something after every run of the implementation that it wraps.
type hook struct {
	Impl
	after func()
}

func (h *hook) Prepare(c Case, threads int) (Runner, error) {
	r, err := h.Impl.Prepare(c, threads)
	return hookRunner{r, h.after}, err
}

type hookRunner struct {
	Runner
	after func()
}

func (h hookRunner) Run(n int) (time.Duration, error) {
	defer h.after()
	return h.Runner.Run(n)
}
