package tokenizer

// candidate is a pair that may be merged: its value among pairs and where its left symbol stands.
type candidate struct {
	merge uint64
	at    int
}

func (a candidate) before(b candidate) bool {
	return a.merge < b.merge || a.merge == b.merge && a.at < b.at
}

// mergeHeap has the next candidate first. It is container/heap without interfaces, which would allocate each candidate.
type mergeHeap []candidate

// order makes a heap of what is in any order.
func (h mergeHeap) order() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h *mergeHeap) push(c candidate) {
	*h = append(*h, c)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s[i].before(s[parent]) {
			break
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func (h *mergeHeap) pop() candidate {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	*h = s[:last]
	h.down(0)
	return top
}

func (h mergeHeap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
