package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordPiece cuts a text into words and punctuation, and each word, from its start, into the longest tokens there are.
type wordPiece struct {
	class   *classes
	first   map[string]int32 // tokens by their text
	rest    map[string]int32 // those that go on with a word, by their text without the prefix
	longest int
	unk     int32 // for a word that the tokens do not spell
	chars   int   // or that has more characters
}

// bertWord is how many characters a word has at most where nothing else is said.
const bertWord = 100

func newWordPiece(v *vocabulary, prefix string, unk int32, chars int) *wordPiece {
	m := &wordPiece{class: allClasses(), first: v.pieces, rest: map[string]int32{}, longest: v.longest, unk: unk, chars: chars}
	for text, id := range v.pieces {
		if rest, ok := strings.CutPrefix(text, prefix); ok && rest != "" {
			m.rest[rest] = id
		}
	}
	return m
}

func (m *wordPiece) encode(dst []int32, text string) []int32 {
	for i := 0; i < len(text); {
		k, n := m.class.at(text, i)
		end := i + n
		if k&space != 0 {
			i = end
			continue
		}
		for k&punct == 0 && end < len(text) {
			next, n := m.class.at(text, end)
			if next&(space|punct) != 0 {
				break
			}
			end += n
		}
		dst = m.word(dst, text[i:end])
		i = end
	}
	return dst
}

func (m *wordPiece) word(dst []int32, word string) []int32 {
	if len(word) > m.chars && utf8.RuneCountInString(word) > m.chars {
		return append(dst, m.unk)
	}
	from, tokens := len(dst), m.first
	for len(word) > 0 {
		end := min(len(word), m.longest)
		id, ok := tokens[word[:end]]
		for !ok && end > 0 {
			end--
			id, ok = tokens[word[:end]]
		}
		if end == 0 {
			return append(dst[:from], m.unk)
		}
		dst = append(dst, id)
		word, tokens = word[end:], m.rest
	}
	return dst
}

// bertNormalizer is what BERT does to a text first.
type bertNormalizer struct {
	clean bool // control characters go, white space becomes spaces
	apart bool // Chinese characters are set apart by spaces
	strip bool // accents go
	lower bool
	class *classes
}

func (b *bertNormalizer) normalize(s string) string {
	if b.clean || b.apart {
		s = b.cleaned(s)
	}
	if b.strip {
		s = norm.NFD.String(s) // the U+034F that it puts among many marks goes with them
	}
	if !b.strip && !b.lower {
		return s
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case b.strip && b.class[r]&accent != 0:
		case b.lower:
			out = appendLower(out, r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

func (b *bertNormalizer) cleaned(s string) string {
	out := make([]byte, 0, len(s)+len(s)/8)
	for _, r := range s {
		k := b.class[r]
		switch {
		case b.clean && k&hidden != 0:
		case b.clean && k&space != 0:
			out = append(out, ' ')
		case b.apart && k&cjk != 0:
			out = append(utf8.AppendRune(append(out, ' '), r), ' ')
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

// newLower are ranges of capitals that are newer than Go's Unicode, and what to add for their small letters.
var newLower = []struct{ first, last, add rune }{
	{0x1c89, 0x1c89, 1}, {0xa7cb, 0xa7cb, 0x264 - 0xa7cb}, {0xa7cc, 0xa7cc, 1}, {0xa7ce, 0xa7ce, 1}, {0xa7d2, 0xa7d2, 1}, {0xa7d4, 0xa7d4, 1},
	{0xa7da, 0xa7da, 1}, {0xa7dc, 0xa7dc, 0x19b - 0xa7dc}, {0x10d50, 0x10d65, 0x20}, {0x16ea0, 0x16eb8, 0x1b},
}

// appendLower appends r in lower case, by Unicode's full mapping without context.
func appendLower(dst []byte, r rune) []byte {
	switch {
	case r < utf8.RuneSelf:
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return append(dst, byte(r))
	case r == 'İ':
		return append(dst, "i\u0307"...)
	}
	for _, n := range newLower {
		if r >= n.first && r <= n.last {
			return utf8.AppendRune(dst, r+n.add)
		}
	}
	return utf8.AppendRune(dst, unicode.ToLower(r))
}

// joiner puts the tokens of WordPiece together: with a space before each that does not begin with the prefix, and, to
// clean up, none before punctuation and English endings.
type joiner struct {
	prefix  string
	cleanup bool
}

var cleaner = strings.NewReplacer(" .", ".", " ?", "?", " !", "!", " ,", ",", " ' ", "'", " n't", "n't", " 'm", "'m",
	" do not", " don't", " 's", "'s", " 've", "'ve", " 're", "'re")

func (j *joiner) append(dst []byte, token string, first bool) []byte {
	if !first {
		rest, ok := strings.CutPrefix(token, j.prefix)
		if token = rest; !ok {
			token = " " + token
		}
	}
	if j.cleanup {
		token = cleaner.Replace(token)
	}
	return append(dst, token...)
}
