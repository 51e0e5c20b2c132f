package ptx

import (
	"fmt"
	"strings"
)

type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokWord             // identifier, register, directive, opcode with its suffixes
	tokNumber           // 12, 0x1f, 0f3F800000, 1.5
	tokString
	tokPunct // one character
)

type token struct {
	kind tokenKind
	text string
	line int
}

func (t token) is(punct string) bool { return t.kind == tokPunct && t.text == punct }

// SyntaxError is what Parse and Entry report: the line, and what is wrong with it.
type SyntaxError struct {
	Line int
	Msg  string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("ptx: line %d: %s", e.Line, e.Msg) }

func isWordStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c == '%' || c == '.'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// lex cuts PTX text into tokens. An opcode such as cp.async.ca.shared.global.L2::128B is one word.
func lex(src string) ([]token, error) {
	var toks []token
	line := 1
	for i := 0; i < len(src); {
		c := src[i]
		start := i
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(src[i:], "//"):
			n := strings.IndexByte(src[i:], '\n')
			if n < 0 {
				n = len(src) - i
			}
			i += n
		case strings.HasPrefix(src[i:], "/*"):
			n := strings.Index(src[i+2:], "*/")
			if n < 0 {
				return nil, &SyntaxError{line, "comment without an end"}
			}
			line += strings.Count(src[i:i+n+4], "\n")
			i += n + 4
		case isWordStart(c):
			i = wordEnd(src, i)
			toks = append(toks, token{tokWord, src[start:i], line})
		case isDigit(c):
			for i < len(src) && (isDigit(src[i]) || isWordStart(src[i]) && src[i] != '%' && src[i] != '$') {
				i++
			}
			toks = append(toks, token{tokNumber, src[start:i], line})
		case c == '"':
			n := strings.IndexAny(src[i+1:], "\"\n")
			if n < 0 || src[i+1+n] == '\n' {
				return nil, &SyntaxError{line, "string without an end"}
			}
			i += n + 2
			toks = append(toks, token{tokString, src[start+1 : i-1], line})
		case strings.IndexByte("{}()[]<>,;:|+-!=@", c) >= 0:
			i++
			toks = append(toks, token{tokPunct, src[start:i], line})
		default:
			return nil, &SyntaxError{line, fmt.Sprintf("unexpected character %q", c)}
		}
	}
	return append(toks, token{tokEOF, "end of file", line}), nil
}

// wordEnd finds the end of the word at i. A double colon inside an opcode belongs to it, a single one ends a label.
func wordEnd(src string, i int) int {
	for i++; i < len(src); i++ {
		c := src[i]
		if isDigit(c) || isWordStart(c) && c != '%' {
			continue
		}
		if c == ':' && i+2 < len(src) && src[i+1] == ':' {
			i++
			continue
		}
		break
	}
	return i
}
