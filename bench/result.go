package bench

// Result is what Run found out about one case.
type Result struct {
	Case    Case
	Threads int
	Rows    []Row    // the implementations that ran, the reference first
	Absent  []Absent // those that did not
}

// Row is one implementation's part of a Result.
type Row struct {
	Impl   string
	Iters  int       // iterations per round
	Times  []float64 // seconds per iteration, one entry per round
	NS     float64   // their median, in nanoseconds
	GFlops float64   // 1e9 flops per second at the median
	GBps   float64   // 1e9 bytes per second at the median, of the bytes that the case must move

	// Ratio is this implementation's time over the reference's, paired round by round: above 1 the reference is
	// faster. Nil in the reference's own row, and in all where the reference did not run.
	Ratio *Estimate
}

// Absent says why an implementation is missing from a Result. Err wraps ErrUnsupported where it simply has no such
// case.
type Absent struct {
	Impl string
	Err  error
}

// Sink receives each Result as soon as it stands.
type Sink interface {
	Write(Result) error
}

// Sinks hands each Result to all of its members; the first error ends it.
type Sinks []Sink

func (s Sinks) Write(r Result) error {
	for _, sink := range s {
		if err := sink.Write(r); err != nil {
			return err
		}
	}
	return nil
}
