package tandem

// OpenNull opens the device of paper. Programs compile on it as anywhere and tell their Price, so the memory and the
// cost of a model are known without the machine that it is for. Reads leave their destination alone.
func OpenNull(opts ...Option) (*Device, error) {
	return Open(append(opts[:len(opts):len(opts)], OnDevice("null"))...)
}

// Machine is what a bound needs to know of a machine.
type Machine struct {
	FlopsPerSec float64
	BytesPerSec float64
}

// Seconds is the least time that one run can take on m: the larger of its arithmetic and its memory traffic, each at
// full rate.
func (p Price) Seconds(m Machine) float64 {
	return max(float64(p.Flops)/m.FlopsPerSec, float64(p.Moved)/m.BytesPerSec)
}
