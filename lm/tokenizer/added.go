package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// addedToken is one that is matched in the text before the model sees it.
type addedToken struct {
	id         int32
	special    bool // matched, and then left to the model: text never makes it
	singleWord bool // not within a word
	left       bool // takes the white space before it
	right      bool // and after it
}

// matcher finds the longest added token at a place in the text: a tree of the bytes that they begin with.
type matcher struct {
	next   map[uint64]int32 // from a node by a byte to a node
	tokens []int            // by node: the index into list, or -1
	first  [256]bool
	list   []addedToken
	plain  bool // any of them may come from text
}

// longestAdded is how long an added token may be, so that matching takes bounded time for each byte of text.
const longestAdded = 512

func (m *matcher) add(text string, t addedToken) {
	if m.next == nil {
		m.next, m.tokens = map[uint64]int32{}, []int{-1}
	}
	m.first[text[0]] = true
	m.plain = m.plain || !t.special
	node := int32(0)
	for i := range len(text) {
		key := uint64(node)<<8 | uint64(text[i])
		to, ok := m.next[key]
		if !ok {
			to = int32(len(m.tokens))
			m.next[key] = to
			m.tokens = append(m.tokens, -1)
		}
		node = to
	}
	m.tokens[node] = len(m.list)
	m.list = append(m.list, t)
}

// at is the longest added token that s has at i, and its end.
func (m *matcher) at(s string, i int) (token *addedToken, end int) {
	for node := int32(0); i < len(s); {
		to, ok := m.next[uint64(node)<<8|uint64(s[i])]
		if !ok {
			break
		}
		node = to
		i++
		if t := m.tokens[node]; t >= 0 {
			token, end = &m.list[t], i
		}
	}
	return token, end
}

// match is where a token was found, with the white space that it takes.
type match struct {
	id       int32
	from, to int
}

// find is the next match in s at or after i, and where to look for the one after it. White space before taken belongs to
// an earlier match.
func (m *matcher) find(s string, i, taken int) (found match, next int, ok bool) {
	for i < len(s) {
		if !m.first[s[i]] {
			i++
			continue
		}
		t, end := m.at(s, i)
		if t == nil {
			i++
			continue
		}
		if t.special || t.singleWord && (endsInWord(s[:i]) || startsWithWord(s[end:])) {
			i = end
			continue
		}
		found = match{t.id, i, end}
		if t.left {
			found.from = spaceBefore(s, taken, i)
		}
		if t.right {
			found.to = spaceAfter(s, end)
		}
		return found, end, true
	}
	return match{}, len(s), false
}

func endsInWord(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && isWord(r)
}

func startsWithWord(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && isWord(r)
}

// isWord is \w, by Go's version of Unicode.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}

// spaceBefore is where the white space begins that ends at i, not before from.
func spaceBefore(s string, from, i int) int {
	for i > from {
		r, n := utf8.DecodeLastRuneInString(s[from:i])
		if !unicode.IsSpace(r) {
			break
		}
		i -= n
	}
	return i
}

// spaceAfter is where the white space ends that begins at i.
func spaceAfter(s string, i int) int {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsSpace(r) {
			break
		}
		i += n
	}
	return i
}
