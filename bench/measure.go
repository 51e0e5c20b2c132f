package bench

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// measurement is one case under way.
type measurement struct {
	c     Case
	opts  Options
	lanes []*lane // the reference first
}

// lane is one implementation within a measurement.
type lane struct {
	name    string
	runner  Runner // nil if Prepare failed
	err     error  // why the lane is closed
	iters   int
	times   []float64
	settled bool // its interval is narrow: later rounds need not run it
}

func (m *measurement) run(ctx context.Context, impls []Impl) (Result, error) {
	defer m.close()
	m.prepare(impls)
	runtime.GC() // what the last case left behind is not collected on this one's time
	for _, l := range m.lanes {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		m.warmUp(l)
	}
	order := rand.New(rand.NewPCG(hash(m.c.Name), m.opts.Seed))
	for round := 1; round <= m.opts.MaxRounds && m.open(); round++ {
		for _, i := range order.Perm(len(m.lanes)) {
			if err := ctx.Err(); err != nil {
				return Result{}, err
			}
			m.sample(m.lanes[i])
		}
		if round >= m.opts.MinRounds {
			m.settle()
		}
	}
	return m.result(), nil
}

func (m *measurement) prepare(impls []Impl) {
	for _, impl := range impls {
		l := &lane{name: impl.Name()}
		l.runner, l.err = impl.Prepare(m.c, m.opts.Threads)
		if l.name == m.opts.Reference {
			m.lanes = slices.Insert(m.lanes, 0, l)
		} else {
			m.lanes = append(m.lanes, l)
		}
	}
}

func (m *measurement) close() {
	for _, l := range m.lanes {
		if l.runner != nil {
			l.runner.Close()
		}
	}
}

// warmUp runs the lane until a call takes a fair part of a sample, and sets how many iterations fill one. The first
// call faults the pages in and wakes the threads, so the count never comes from it alone.
func (m *measurement) warmUp(l *lane) {
	if l.err != nil {
		return
	}
	if _, l.err = l.runner.Run(1); l.err != nil {
		return
	}
	for n := 1; ; n *= 2 {
		var d time.Duration
		if d, l.err = l.runner.Run(n); l.err != nil {
			return
		}
		if d >= m.opts.Sample/4 || n >= maxIters {
			perSample := float64(n) * float64(m.opts.Sample) / float64(max(d, 1))
			l.iters = int(min(max(math.Round(perSample), 1), maxIters))
			return
		}
	}
}

// maxIters bounds a sample of an implementation whose clock says that it takes no time.
const maxIters = 1 << 24

// sample times the lane once, after the peer before it has fallen quiet.
func (m *measurement) sample(l *lane) {
	if l.err != nil || l.settled {
		return
	}
	time.Sleep(m.opts.Settle)
	// Threads and caches went cold while others ran, and a core that was idle can take milliseconds to wake.
	if again := l.iters / 2; again > 0 {
		if _, l.err = l.runner.Run(again); l.err != nil {
			return
		}
	}
	var d time.Duration
	if d, l.err = l.runner.Run(l.iters); l.err == nil {
		l.times = append(l.times, d.Seconds()/float64(l.iters))
	}
}

// reference is the lane that ratios are taken against, or nil.
func (m *measurement) reference() *lane {
	if l := m.lanes[0]; l.name == m.opts.Reference && l.err == nil {
		return l
	}
	return nil
}

// open tells whether a lane still wants rounds.
func (m *measurement) open() bool {
	return slices.ContainsFunc(m.lanes, func(l *lane) bool { return l.err == nil && !l.settled })
}

// settle closes the lanes whose interval is narrow: the ratio's for a peer, the time's where there is no reference
// to compare with. A reference with peers goes on for as long as one of them does, since each of their rounds needs
// one of its own.
func (m *measurement) settle() {
	ref, peers, waiting := m.reference(), 0, 0
	for _, l := range m.lanes {
		if l.err != nil || l == ref {
			continue
		}
		peers++
		if !l.settled {
			l.settled = m.estimate(l, ref).Narrow()
		}
		if !l.settled {
			waiting++
		}
	}
	if ref == nil {
		return
	}
	ref.settled = waiting == 0
	if peers == 0 {
		ref.settled = m.estimate(ref, nil).Narrow()
	}
}

// estimate is the lane's ratio to the reference, or its time in seconds where ref is nil. A lane's i-th time and the
// reference's come from the same round, because the reference is never settled before it.
func (m *measurement) estimate(l, ref *lane) Estimate {
	samples := slices.Clone(l.times)
	if ref != nil {
		samples = samples[:min(len(samples), len(ref.times))]
		for i := range samples {
			samples[i] /= ref.times[i]
		}
	}
	return NewEstimate(samples, hash(m.c.Name+" "+l.name)^m.opts.Seed)
}

func (m *measurement) result() Result {
	res := Result{Case: m.c, Threads: m.opts.Threads}
	ref := m.reference()
	for _, l := range m.lanes {
		if l.err != nil {
			res.Absent = append(res.Absent, Absent{Impl: l.name, Err: l.err})
			continue
		}
		seconds := Median(l.times)
		row := Row{
			Impl: l.name, Iters: l.iters, Times: l.times,
			NS: seconds * 1e9, GFlops: m.c.Flops / seconds / 1e9, GBps: m.c.Bytes / seconds / 1e9,
		}
		if ref != nil && l != ref {
			e := m.estimate(l, ref)
			row.Ratio = &e
		}
		res.Rows = append(res.Rows, row)
	}
	return res
}
