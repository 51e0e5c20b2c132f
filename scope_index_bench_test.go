package tandem

import "testing"

// BenchmarkIndex replays one op of the family, on one thread and on all.
func BenchmarkIndex(b *testing.B) {
	for _, threads := range []int{1, 2} {
		d := openTest(b, Threads(threads))
		r := rng(1)
		vocab, long := normal(b, d, r, 131072), normal(b, d, r, 1<<20)
		experts, table := normal(b, d, r, 4096, 128), normal(b, d, r, 32768, 256)
		ids := make([]int32, 4096)
		for i := range ids {
			ids[i] = int32(r.IntN(32768))
		}
		tokens, rows := tensor(b, d, ids, 4096), normal(b, d, r, 4096, 256)
		long64 := tensor(b, d, randn[float64](r, 1<<20), 1<<20)
		for _, c := range []struct {
			name string
			f    func(s *Scope)
		}{
			{"topk/50 of 131072", func(s *Scope) { s.TopK(vocab, 50) }},
			{"topk/1000 of 131072", func(s *Scope) { s.TopK(vocab, 1000) }},
			{"topk/8 of 4096x128", func(s *Scope) { s.TopK(experts, 8) }},
			{"sort/f32 1048576", func(s *Scope) { s.Sort(long) }},
			{"sort/f64 1048576", func(s *Scope) { s.Sort(long64) }},
			{"sort/f32 4096x128", func(s *Scope) { s.Sort(experts) }},
			{"kthvalue/1048576", func(s *Scope) { s.KthValue(long, 1<<19) }},
			{"quantile/4096x128", func(s *Scope) { s.Quantile(experts, 0.9) }},
			{"embedding/4096 of 32768x256", func(s *Scope) { s.Embedding(table, tokens) }},
			{"putrows/4096 of 32768x256", func(s *Scope) { s.Into(table).PutRows(table, tokens, rows) }},
			{"scatteradd/4096 of 32768x256", func(s *Scope) { s.Into(table).ScatterAdd(table, tokens, rows) }},
			{"concat/2 of 4096x256", func(s *Scope) { s.Concat(1, rows, rows) }},
		} {
			b.Run(c.name+"/threads="+string(rune('0'+threads)), func(b *testing.B) {
				p := compile(b, d, func(s *Scope) error { c.f(s); return s.Err() })
				b.ReportAllocs()
				for b.Loop() {
					if err := p.Run(bg); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
