package tandem

// Stats is what a device has done and holds. Counters grow; gauges (Live, Reserved, Tensors) come and go.
type Stats struct {
	Live       int   // bytes that tensors, programs and running scopes hold
	Peak       int   // the most Live has been
	Reserved   int   // bytes taken from the system, pooled ones included
	Tensors    int   // persistent tensors that are open
	PoolHits   int64 // blocks served from the pool
	PoolMisses int64 // blocks taken from the system
	Ops        int64 // kernels run, replayed ones included
	Uploaded   int64 // bytes copied from the host
	Downloaded int64 // bytes copied to the host
}

func (s *Stats) add(t *Stats) {
	s.Ops += t.Ops
	s.Uploaded += t.Uploaded
	s.Downloaded += t.Downloaded
}

// Stats is a snapshot. What a run in progress has counted is added when it ends.
func (d *Device) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Tensors = len(d.tensor)
	return s
}
