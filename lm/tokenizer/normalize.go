package tokenizer

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxMarks is how many combining marks in a row norm takes: after 30 it puts in a U+034F, which the references do not.
const maxMarks = 30

// nfc is s composed.
func nfc(s string) string {
	n := norm.NFC.QuickSpanString(s)
	if n == len(s) {
		return s
	}
	if !hasManyMarks(s) {
		return norm.NFC.String(s)
	}
	return string(compose(decompose(s)))
}

// hasManyMarks says whether s, decomposed, may have more marks in a row than norm takes.
func hasManyMarks(s string) bool {
	marks := 0
	for i := 0; i < len(s); {
		p := norm.NFD.PropertiesString(s[i:])
		lead, trail := int(p.LeadCCC()), int(p.TrailCCC())
		switch {
		case lead == 0 && trail == 0:
			marks = 0
		case lead == 0:
			marks = 3 // no character ends in more
		default:
			marks += 3
		}
		if marks > maxMarks {
			return true
		}
		i += max(p.Size(), 1)
	}
	return false
}

// mark is a decomposed character with its combining class.
type mark struct {
	r     rune
	class uint8
}

// decompose is s by canonical decomposition, the marks after each starter in canonical order.
func decompose(s string) []mark {
	out := make([]mark, 0, len(s))
	for i := 0; i < len(s); {
		p := norm.NFD.PropertiesString(s[i:])
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch d := p.Decomposition(); {
		case r >= hangul && r < hangul+hangulCount:
			out = appendJamo(out, r)
		case d == nil:
			out = append(out, mark{r, p.CCC()})
		default:
			for len(d) > 0 {
				r, n := utf8.DecodeRune(d)
				out = append(out, mark{r, norm.NFD.Properties(d).CCC()})
				d = d[n:]
			}
		}
	}
	for i := 0; i < len(out); i++ {
		from := i
		for i < len(out) && out[i].class != 0 {
			i++
		}
		if i-from > 1 {
			slices.SortStableFunc(out[from:i], func(a, b mark) int { return int(a.class) - int(b.class) })
		}
	}
	return out
}

// Hangul syllables are made of their parts by arithmetic.
const (
	hangul, hangulCount              = 0xac00, 11172
	jamoLead, jamoVowel, jamoTail    = 0x1100, 0x1161, 0x11a7
	vowelCount, tailCount, leadCount = 21, 28, 19
)

func appendJamo(out []mark, r rune) []mark {
	i := r - hangul
	out = append(out, mark{jamoLead + i/(vowelCount*tailCount), 0}, mark{jamoVowel + i/tailCount%vowelCount, 0})
	if tail := i % tailCount; tail != 0 {
		out = append(out, mark{jamoTail + tail, 0})
	}
	return out
}

// compose is canonical composition: each character goes into the last starter before it, where the two have a composite
// and none of the marks between them is in the way.
func compose(in []mark) []rune {
	out := make([]rune, 0, len(in))
	starter, last := -1, -1 // where the last starter is; the class of what was put after it
	for _, m := range in {
		if starter >= 0 && last < int(m.class) {
			if c, ok := composite(out[starter], m.r); ok {
				out[starter] = c
				continue
			}
		}
		out = append(out, m.r)
		if last = int(m.class); m.class == 0 {
			starter, last = len(out)-1, -1
		}
	}
	return out
}

// composite is the one character that two compose to.
func composite(a, b rune) (rune, bool) {
	var buf [3 * utf8.UTFMax]byte
	in := utf8.AppendRune(utf8.AppendRune(make([]byte, 0, 2*utf8.UTFMax), a), b)
	out := norm.NFC.Append(buf[:0], in...)
	r, n := utf8.DecodeRune(out)
	return r, n == len(out)
}
