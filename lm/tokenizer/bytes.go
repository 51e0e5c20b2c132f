package tokenizer

import "unicode/utf8"

// replacement is what stands for bytes that are no UTF-8.
const replacement = "\uFFFD"

// Byte-level vocabularies write every byte as a printable character: the visible ones of Latin-1 as themselves, the
// other 68 as the characters from U+0100 on.
var (
	byteRunes [256]rune
	runeBytes [0x144]int16 // -1 for characters that stand for no byte
)

func init() {
	for r := range runeBytes {
		runeBytes[r] = -1
	}
	next := rune(0x100)
	for b := range byteRunes {
		visible := b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae
		if byteRunes[b] = rune(b); !visible {
			byteRunes[b] = next
			next++
		}
		runeBytes[byteRunes[b]] = int16(b)
	}
}

// appendBytes appends the bytes that a byte-level vocabulary writes as s; false where s has a character that stands for
// none.
func appendBytes(dst []byte, s string) ([]byte, bool) {
	for _, r := range s {
		if int(r) >= len(runeBytes) || runeBytes[r] < 0 {
			return dst, false
		}
		dst = append(dst, byte(runeBytes[r]))
	}
	return dst, true
}

// valid is s with what is no UTF-8 replaced: each longest start of a character that breaks off, and each byte that
// begins none, by one U+FFFD. Rust's from_utf8_lossy and Python's errors="replace" do the same.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out, rest := appendValid(make([]byte, 0, len(s)+8), s)
	if rest != "" {
		out = append(out, replacement...)
	}
	return string(out)
}

// appendValid appends s with U+FFFD for what is invalid, up to a start of a character that the end of s cuts off; it
// returns that rest.
func appendValid[S string | []byte](dst []byte, s S) (out []byte, rest S) {
	from := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		n, state := character(s[i:])
		switch state {
		case whole:
			i += n
			continue
		case cut:
			return append(dst, s[from:i]...), s[i:]
		}
		dst = append(append(dst, s[from:i]...), replacement...)
		i += n
		from = i
	}
	return append(dst, s[from:]...), s[len(s):]
}

type state uint8

const (
	whole  state = iota // a character
	broken              // bytes that cannot become one
	cut                 // the start of one, and the text ends
)

// character measures the UTF-8 character at the start of s, or the longest start of one.
func character[S string | []byte](s S) (int, state) {
	b := s[0]
	if b < utf8.RuneSelf {
		return 1, whole
	}
	// The second byte is bounded by the first: no overlong forms, surrogates or values over U+10FFFF.
	size, low, high := 0, byte(0x80), byte(0xbf)
	switch {
	case b >= 0xc2 && b <= 0xdf:
		size = 2
	case b >= 0xe0 && b <= 0xef:
		size = 3
		if b == 0xe0 {
			low = 0xa0
		} else if b == 0xed {
			high = 0x9f
		}
	case b >= 0xf0 && b <= 0xf4:
		size = 4
		if b == 0xf0 {
			low = 0x90
		} else if b == 0xf4 {
			high = 0x8f
		}
	default:
		return 1, broken
	}
	for n := 1; n < size; n++ {
		if n == len(s) {
			return n, cut
		}
		if s[n] < low || s[n] > high {
			return n, broken
		}
		low, high = 0x80, 0xbf
	}
	return size, whole
}
