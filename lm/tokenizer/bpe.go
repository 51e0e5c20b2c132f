package tokenizer

import (
	"sync"
	"sync/atomic"
)

// bpe is byte-level byte-pair encoding: a word begins as the tokens of its bytes, and of all pairs side by side the one
// whose merge ranks first, the leftmost of equals, becomes one token, until no pair has a merge.
type bpe struct {
	cut    *pattern
	vocab  *vocabulary
	class  *classes
	bytes  [256]int32 // the token of each byte, or none
	merges *pairs
	unk    int32 // stands for a byte without a token; where there is none, the byte is left out
	fuse   bool  // one unk for several such bytes
	whole  bool  // a word that is a token is not cut

	// alone says of each token whether its text is encoded as it alone: most words of a text are such, and cost one look-up.
	// It is found out when first asked.
	alone []atomic.Uint32
}

// What bpe.alone holds.
const (
	unasked uint32 = iota
	isAlone
	isNot
)

// shortWord is how many symbols are merged by going through all of them for each merge; more go through a heap.
const shortWord = 32

func (m *bpe) encode(dst []int32, text string) []int32 {
	for len(text) > 0 {
		n := m.cut.span(m.class, text)
		for rest := text[:n]; len(rest) > 0; {
			w := m.cut.word(m.class, rest)
			dst = m.word(dst, rest[:w])
			rest = rest[w:]
		}
		text = text[n:]
	}
	return dst
}

// word appends the tokens of one word.
func (m *bpe) word(dst []int32, word string) []int32 {
	if len(word) <= m.vocab.longest {
		if id, ok := m.vocab.pieces[word]; ok && (m.whole || m.isAlone(id, word)) {
			return append(dst, id)
		}
	}
	return m.merge(dst, word)
}

func (m *bpe) isAlone(id int32, word string) bool {
	switch m.alone[id].Load() {
	case isAlone:
		return true
	case isNot:
		return false
	}
	var buf [shortWord]int32
	ids := m.merge(buf[:0], word)
	if len(ids) == 1 && ids[0] == id {
		m.alone[id].Store(isAlone)
		return true
	}
	m.alone[id].Store(isNot)
	return false
}

// merge appends the word's tokens by merging.
func (m *bpe) merge(dst []int32, word string) []int32 {
	from := len(dst)
	unknown := false // the last byte had no token
	for i := range len(word) {
		id := m.bytes[word[i]]
		if id == none {
			if m.unk != none && !(unknown && m.fuse) {
				dst = append(dst, m.unk)
			}
			unknown = true
			continue
		}
		unknown = false
		dst = append(dst, id)
	}
	symbols := dst[from:]
	if len(symbols) <= shortWord {
		return dst[:from+m.mergeShort(symbols)]
	}
	return dst[:from+m.mergeLong(symbols)]
}

// mergeShort merges in place and returns how many symbols are left. It takes n² steps of a few instructions.
func (m *bpe) mergeShort(symbols []int32) int {
	var buf [shortWord]uint64
	n := len(symbols)
	if n < 2 {
		return n
	}
	values := buf[:n-1] // of the pair at i and i+1
	for i := range values {
		values[i] = m.merges.get(symbols[i], symbols[i+1])
	}
	for len(values) > 0 {
		best, at := noMerge, 0
		for i, v := range values {
			if v < best {
				best, at = v, i
			}
		}
		if best == noMerge {
			break
		}
		symbols[at] = int32(uint32(best))
		copy(symbols[at+1:n], symbols[at+2:n])
		copy(values[at:], values[at+1:])
		n--
		values = values[:n-1]
		if at > 0 {
			values[at-1] = m.merges.get(symbols[at-1], symbols[at])
		}
		if at < n-1 {
			values[at] = m.merges.get(symbols[at], symbols[at+1])
		}
	}
	return n
}

// scratch is the memory of mergeLong.
type scratch struct {
	next, prev []int // neighbours of each symbol that is left
	heap       mergeHeap
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// keptScratch is how long a word's scratch may be that is kept for the next one.
const keptScratch = 1 << 14

// mergeLong is mergeShort in n log n steps: a heap of the pairs that have a merge, and links between the symbols. A pair
// that is no longer there when its turn comes is passed over. A symbol that went into its left neighbour becomes none.
func (m *bpe) mergeLong(symbols []int32) int {
	s := scratches.Get().(*scratch)
	n := len(symbols)
	s.next, s.prev, s.heap = s.next[:0], s.prev[:0], s.heap[:0]
	for i := range n {
		s.next, s.prev = append(s.next, i+1), append(s.prev, i-1)
		if i+1 < n {
			if v := m.merges.get(symbols[i], symbols[i+1]); v != noMerge {
				s.heap = append(s.heap, candidate{v, i})
			}
		}
	}
	s.heap.order()
	for len(s.heap) > 0 {
		c := s.heap.pop()
		right := s.next[c.at]
		if symbols[c.at] == none || right == n || m.merges.get(symbols[c.at], symbols[right]) != c.merge {
			continue
		}
		symbols[c.at], symbols[right] = int32(uint32(c.merge)), none
		s.next[c.at] = s.next[right]
		if after := s.next[c.at]; after < n {
			s.prev[after] = c.at
			s.push(m, symbols, c.at, after)
		}
		if before := s.prev[c.at]; before >= 0 {
			s.push(m, symbols, before, c.at)
		}
	}
	left := 0
	for i := 0; i < n; i = s.next[i] {
		symbols[left] = symbols[i]
		left++
	}
	if n <= keptScratch {
		scratches.Put(s)
	}
	return left
}

func (s *scratch) push(m *bpe, symbols []int32, left, right int) {
	if v := m.merges.get(symbols[left], symbols[right]); v != noMerge {
		s.heap.push(candidate{v, left})
	}
}
