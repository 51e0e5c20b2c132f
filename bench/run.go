package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Options of a Run. The zero value asks for the defaults.
type Options struct {
	Threads   int           // for every implementation alike; default GOMAXPROCS
	MinRounds int           // before an interval is looked at; default 9
	MaxRounds int           // at which an interval stays as wide as it is; default 51
	Sample    time.Duration // that one round of one implementation should last; default 20 ms
	Settle    time.Duration // of quiet between two implementations; default 30 ms with several threads, else 1 ms
	Reference string        // the implementation that ratios are taken against; default "tandem"
	Seed      uint64        // of the order within rounds and of the bootstrap
}

const (
	defaultMinRounds = 9
	defaultMaxRounds = 51
	defaultSample    = 20 * time.Millisecond
	defaultReference = "tandem"

	// A peer's worker threads go on spinning after its call has returned, OpenBLAS's for 2^26 cycles. Whoever is
	// timed next would share the cores with them.
	settleThreads = 30 * time.Millisecond
	settleSingle  = time.Millisecond
)

func (o Options) withDefaults() (Options, error) {
	setDefault(&o.Threads, runtime.GOMAXPROCS(0))
	setDefault(&o.MinRounds, defaultMinRounds)
	setDefault(&o.MaxRounds, max(defaultMaxRounds, o.MinRounds))
	setDefault(&o.Sample, defaultSample)
	setDefault(&o.Reference, defaultReference)
	if o.Threads > 1 {
		setDefault(&o.Settle, settleThreads)
	}
	setDefault(&o.Settle, settleSingle)
	if o.Threads < 1 || o.MinRounds < 1 || o.MaxRounds < o.MinRounds || o.Sample < 0 || o.Settle < 0 {
		return o, fmt.Errorf("bench: options: threads %d, rounds %d to %d, sample %v, settle %v",
			o.Threads, o.MinRounds, o.MaxRounds, o.Sample, o.Settle)
	}
	return o, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Run measures every case with every implementation and hands each Result to the sink as soon as it stands.
//
// An implementation that fails a case is left out of it, and Run goes on; what failed for another reason than
// ErrUnsupported comes back joined in the error at the end. An error of the sink, or the context's end, ends Run.
func Run(ctx context.Context, cases []Case, impls []Impl, opts Options, sink Sink) error {
	opts, err := opts.withDefaults()
	if err != nil {
		return err
	}
	if len(impls) == 0 {
		return errors.New("bench: no implementation to run")
	}
	var failures []error
	for _, c := range cases {
		m := &measurement{c: c, opts: opts}
		res, err := m.run(ctx, impls)
		if err != nil {
			return errors.Join(append(failures, err)...)
		}
		for _, a := range res.Absent {
			if !errors.Is(a.Err, ErrUnsupported) {
				failures = append(failures, fmt.Errorf("bench: %s: %s: %w", c.Name, a.Impl, a.Err))
			}
		}
		if err := sink.Write(res); err != nil {
			return errors.Join(append(failures, fmt.Errorf("bench: report: %w", err))...)
		}
	}
	return errors.Join(failures...)
}
