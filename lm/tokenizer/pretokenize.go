package tokenizer

import (
	"sync"
	"unicode/utf8"
)

// Classes of characters, as the reference libraries have them: the tables are taken from these, because Go's are of
// another version of Unicode.
const (
	letter  uint8 = 1 << iota // \p{L}
	number                    // \p{N}
	space                     // \s
	numeric                   // what Rust calls numeric, of a later Unicode than number
	punct                     // BERT's punctuation
	hidden                    // what BERT's cleaning removes
	accent                    // what BERT's stripping of accents removes
	cjk                       // what BERT sets apart
)

// classes has a byte for every character. Only the pages that texts touch come into memory.
type classes [utf8.MaxRune + 1]uint8

// allClasses fills the table once.
var allClasses = sync.OnceValue(func() *classes {
	c := new(classes)
	for bit, ranges := range map[uint8][]rune{
		letter: letters, number: numbers, space: spaces, numeric: numerics,
		punct: puncts, hidden: hiddens, accent: accents, cjk: cjks,
	} {
		for i := 0; i < len(ranges); i += 2 {
			for r := ranges[i]; r <= ranges[i+1]; r++ {
				c[r] |= bit
			}
		}
	}
	return c
})

// at is the class and the size of the character of s at i, which is not the end.
func (c *classes) at(s string, i int) (uint8, int) {
	if b := s[i]; b < utf8.RuneSelf {
		return c[b], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return c[r], n
}

// run is the end of the characters from i on of which every one is of the class.
func (c *classes) run(s string, i int, class uint8) int {
	for i < len(s) {
		k, n := c.at(s, i)
		if k&class == 0 {
			break
		}
		i += n
	}
	return i
}

// others is the end of the characters from i on that are no space, letter or number.
func (c *classes) others(s string, i int) int {
	for i < len(s) {
		k, n := c.at(s, i)
		if k&(space|letter|number) != 0 {
			break
		}
		i += n
	}
	return i
}

// pattern is a known way to cut text into the words within which pairs are merged.
type pattern struct {
	name   string // as in GGUF
	digits int    // numbers are cut into so many digits; 0: they are not, and may begin with a space
	apart  bool   // each digit is cut out before the rest is looked at
	nfc    bool   // the models that use it normalise
	whole  bool   // and take a word that is a token as it is
	bos    bool   // and begin with a BOS where nothing else is said
}

var (
	gpt2   = &pattern{name: "gpt-2"}
	smollm = &pattern{name: "smollm", apart: true}
	llama3 = &pattern{name: "llama-bpe", digits: 3, whole: true, bos: true}
	qwen2  = &pattern{name: "qwen2", digits: 1, nfc: true}
)

// patternsByName are the values of tokenizer.ggml.pre.
var patternsByName = map[string]*pattern{
	"gpt-2": gpt2, "gpt2": gpt2, "smollm": smollm, "qwen2": qwen2,
	"llama-bpe": llama3, "llama3": llama3, "llama-v3": llama3,
}

// patternsByRegex are the regular expressions of tokenizer.json.
var patternsByRegex = map[string]*pattern{
	`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`: gpt2,

	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`: llama3,
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`:      qwen2,
}

// word is the length of the first word of s, which is not empty.
func (p *pattern) word(c *classes, s string) int {
	if p.digits == 0 {
		return c.wordGPT2(s)
	}
	return c.wordLlama3(s, p.digits)
}

// span is the length of the start of s within which words are cut: all of it, or with digits apart up to the first one.
func (p *pattern) span(c *classes, s string) int {
	if !p.apart {
		return len(s)
	}
	for i := 0; i < len(s); {
		k, n := c.at(s, i)
		if k&numeric != 0 {
			if i == 0 {
				return n
			}
			return i
		}
		i += n
	}
	return len(s)
}

// wordGPT2 matches 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func (c *classes) wordGPT2(s string) int {
	if n := contraction(s, false); n > 0 {
		return n
	}
	i := 0
	if s[0] == ' ' && len(s) > 1 {
		i = 1
	}
	switch k, n := c.at(s, i); {
	case k&letter != 0:
		return c.run(s, i+n, letter)
	case k&number != 0:
		return c.run(s, i+n, number)
	case k&space == 0:
		return c.others(s, i+n)
	}
	return c.blank(s, false)
}

// wordLlama3 matches, with the number of digits for 3,
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func (c *classes) wordLlama3(s string, digits int) int {
	if n := contraction(s, true); n > 0 {
		return n
	}
	k, n := c.at(s, 0)
	if k&letter != 0 {
		return c.run(s, n, letter)
	}
	if k&number != 0 {
		for i := 1; i < digits && n < len(s); i++ {
			k, size := c.at(s, n)
			if k&number == 0 {
				break
			}
			n += size
		}
		return n
	}
	next, size := uint8(space), 0
	if n < len(s) {
		next, size = c.at(s, n)
	}
	if next&letter != 0 && s[0] != '\r' && s[0] != '\n' {
		return c.run(s, n+size, letter)
	}
	if k&space == 0 || s[0] == ' ' && next&(space|number|letter) == 0 {
		return newlines(s, c.others(s, n))
	}
	return c.blank(s, true)
}

// contraction is the length of 's, 't, 're, 've, 'm, 'll or 'd at the start of s, of which any may be in any case. The
// long s is another case of s.
func contraction(s string, anyCase bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	lower := func(b byte) byte {
		if anyCase && b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		return b
	}
	switch lower(s[1]) {
	case 's', 't', 'm', 'd':
		return 2
	case 0xc5:
		if anyCase && len(s) > 2 && s[2] == 0xbf {
			return 3
		}
	}
	if len(s) > 2 {
		switch [2]byte{lower(s[1]), lower(s[2])} {
		case [2]byte{'r', 'e'}, [2]byte{'v', 'e'}, [2]byte{'l', 'l'}:
			return 3
		}
	}
	return 0
}

// newlines is the end of the carriage returns and line feeds from i on.
func newlines(s string, i int) int {
	for i < len(s) && (s[i] == '\r' || s[i] == '\n') {
		i++
	}
	return i
}

// blank matches \s+(?!\S)|\s+, where lines count \s*[\r\n]+ before these: up to the last line's end, else all at the end
// of the text, else all but the last, which leads the next word.
func (c *classes) blank(s string, lines bool) int {
	end, last, line := 0, 0, 0
	for end < len(s) {
		k, n := c.at(s, end)
		if k&space == 0 {
			break
		}
		if s[end] == '\r' || s[end] == '\n' {
			line = end + 1
		}
		last, end = end, end+n
	}
	if lines && line > 0 {
		return line
	}
	if end == len(s) || last == 0 {
		return end
	}
	return last
}
