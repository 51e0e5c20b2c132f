package tokenizer

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

func TestVocabulary(t *testing.T) {
	tok := openKept(t, "llama3")
	require.Equal(t, 2009, tok.Size())
	begin, ok := tok.Special("<|begin_of_text|>")
	require.True(t, ok)
	require.Equal(t, begin, tok.BOS())
	require.True(t, tok.AddBOS())
	require.Equal(t, []int32{begin}, tok.Prefix())
	require.Empty(t, tok.Suffix())
	require.Equal(t, []int32{None, None, None}, []int32{tok.EOS(), tok.PAD(), tok.UNK()})
	require.Equal(t, []int32{2006, 2007, 2008}, tok.Specials())
	require.Equal(t, "<|begin_of_text|>", tok.Token(begin))
	_, ok = tok.ID("<|begin_of_text|>")
	require.False(t, ok, "ID finds no special tokens")
	_, ok = tok.Special(" the")
	require.False(t, ok)
	id, ok := tok.ID(" the")
	require.True(t, ok)
	require.Equal(t, " the", tok.Token(id))
	require.False(t, tok.IsSpecial(id))
	for _, id := range []int32{-1, 2009, 1 << 30} {
		require.Empty(t, tok.Token(id))
		require.False(t, tok.IsSpecial(id))
		require.Empty(t, tok.Decode(nil, []int32{id}))
	}
	for b := range 256 {
		_, ok := tok.ID(string([]byte{byte(b)}))
		require.True(t, ok, "byte %d", b)
	}

	tok = openKept(t, "bert")
	require.Equal(t, []int32{2, 3, 0, 1}, []int32{tok.BOS(), tok.EOS(), tok.PAD(), tok.UNK()})
	require.Equal(t, []int32{2}, tok.Prefix())
	require.Equal(t, []int32{3}, tok.Suffix())
	require.True(t, tok.AddBOS())
	require.False(t, openKept(t, "gpt2").AddBOS())
}

// Whatever the text says, its ids are no special tokens, but for the unknown one.
func TestSpecialTokensNeverComeFromText(t *testing.T) {
	for _, name := range kept {
		tok := openKept(t, name)
		require.NotEmpty(t, tok.Specials())
		for _, id := range tok.Specials() {
			for _, text := range []string{tok.Token(id), "a" + tok.Token(id) + "b", " " + tok.Token(id), strings.Repeat(tok.Token(id), 3)} {
				for _, got := range tok.Encode(nil, text) {
					require.True(t, !tok.IsSpecial(got) || got == tok.UNK(), "%s: %q gives %q", name, text, tok.Token(got))
				}
			}
		}
	}
}

// A Decoder gives valid text at each step, and all of it is what Decode gives.
func TestDecoder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	for _, name := range kept {
		tok := openKept(t, name)
		d := tok.NewDecoder()
		for range 2000 {
			ids := make([]int32, rng.IntN(12))
			for i := range ids {
				if ids[i] = rng.Int32N(int32(tok.Size())); rng.IntN(2) == 0 {
					ids[i] = rng.Int32N(280) // bytes
				}
			}
			var all []byte
			for _, id := range ids {
				from := len(all)
				all = d.Append(all, id)
				require.True(t, utf8.Valid(all[from:]), "%s: %d", name, ids)
			}
			require.Equal(t, string(tok.Decode(nil, ids)), string(d.Flush(all)), "%s: %d", name, ids)
		}
	}
}

// A character comes as soon as it is whole.
func TestDecoderHoldsNothingTooLong(t *testing.T) {
	tok := openKept(t, "gpt2")
	d := tok.NewDecoder()
	var got []string
	for _, b := range []byte("é\xf0\x9fa\xe2\x82") {
		id, ok := tok.ID(string([]byte{b}))
		require.True(t, ok)
		got = append(got, string(d.Append(nil, id)))
	}
	require.Equal(t, []string{"", "é", "", "", "\uFFFDa", "", ""}, got)
	require.Equal(t, "\uFFFD", string(d.Flush(nil)))
	require.Empty(t, d.Flush(nil))
}

// One Tokenizer serves several goroutines, also while it finds out which words are tokens.
func TestConcurrentUse(t *testing.T) {
	r := readReference(t)
	texts := r.texts(t)
	for _, name := range kept {
		tok := openKept(t, name)
		var done sync.WaitGroup
		for range 4 {
			done.Go(func() {
				ids := []int32{7}
				for i, text := range texts {
					ids = tok.Encode(ids[:1], text)
					assert.Equal(t, append([]int32{7}, r.Tokenizers[name].IDs[i]...), ids, "%s: %q", name, text)
				}
			})
		}
		done.Wait()
	}
}

// Both ways to merge give what the definition gives.
func TestMerging(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 0))
	for _, name := range []string{"gpt2", "smollm", "llama3", "qwen2"} {
		m := openKept(t, name).model.(*bpe)
		for n := range 600 {
			symbols := make([]int32, n%(shortWord+1))
			for i := range symbols {
				symbols[i] = m.bytes["eainorth "[rng.IntN(9)]]
			}
			want := m.mergePlainly(slices.Clone(symbols))
			short, long := slices.Clone(symbols), slices.Clone(symbols)
			require.Equal(t, want, short[:m.mergeShort(short)], "%d", symbols)
			require.Equal(t, want, long[:m.mergeLong(long)], "%d", symbols)
		}
	}
}

// mergePlainly is byte-pair encoding by its definition.
func (m *bpe) mergePlainly(s []int32) []int32 {
	for {
		best, at := noMerge, 0
		for i := range max(len(s)-1, 0) {
			if v := m.merges.get(s[i], s[i+1]); v < best {
				best, at = v, i
			}
		}
		if best == noMerge {
			return s
		}
		s[at] = int32(uint32(best))
		s = slices.Delete(s, at+1, at+2)
	}
}

// The worst words. Where the time grows with the square of a word's length, a megabyte of them takes longer than a test
// may.
func TestLongWords(t *testing.T) {
	for _, name := range kept {
		tok := openKept(t, name)
		for _, unit := range []string{"a", "ab", "the", "é", "\u0301", "a\u0301\u0323", "的", " ", "\n", " \n", "\t ", "1", "!", "'", "'l", "<", "solo", "<fill> ", "\xf0\x9f", "한"} {
			size := 1 << 15
			if len(unit) == 1 && (name == "gpt2" || name == "qwen2") {
				size = 1 << 20
			}
			text := strings.Repeat(unit, size/len(unit))
			ids := tok.Encode(nil, text)
			if name == "gpt2" || name == "llama3" {
				require.Equal(t, valid(text), string(tok.Decode(nil, ids)), "%s of %q", name, unit)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for _, name := range []string{"gpt2", "smollm", "llama3", "qwen2"} {
		tok := openKept(t, name)
		text := "The boats came in at 7:45, we've seen them; Größe, Привет, 今朝は雨 and " + strings.Repeat("anotherword", 20)
		ids := tok.Encode(nil, text)
		d, out := tok.NewDecoder(), make([]byte, 0, 4*len(text))
		for range 2 {
			require.Zero(t, testing.AllocsPerRun(20, func() { ids = tok.Encode(ids[:0], text) }), name)
			require.Zero(t, testing.AllocsPerRun(20, func() {
				out = out[:0]
				for _, id := range ids {
					out = d.Append(out, id)
				}
				out = d.Flush(out)
			}), name)
		}
		require.Equal(t, text, string(out))
	}
}

// Where the library may be used, our own composition does the same.
func TestComposition(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	letters := []rune("aAoOeEuUcCsSnN가각\u1100\u1161\u11a8한Å\u1ea0ộ\u09c7\u0b47\u0dd9")
	marks := []rune("\u0300\u0301\u0302\u0303\u0307\u0308\u030a\u031b\u0323\u0327\u0328\u0338\u0344\u09be\u09d7\u0b3e\u0dca\u0dcf\u3099\u1161\u11a8")
	for range 20000 {
		var text []rune
		for range 1 + rng.IntN(3) {
			text = append(text, letters[rng.IntN(len(letters))])
			for range rng.IntN(5) {
				text = append(text, marks[rng.IntN(len(marks))])
			}
		}
		s := string(text)
		require.Equal(t, norm.NFC.String(s), string(compose(decompose(s))), "%+q", s)
		require.False(t, hasManyMarks(s))
		var d []rune
		for _, m := range decompose(s) {
			d = append(d, m.r)
		}
		require.Equal(t, norm.NFD.String(s), string(d), "%+q", s)
	}
	require.True(t, hasManyMarks("a"+strings.Repeat("\u0301", maxMarks+1)))
}

func TestLowerCase(t *testing.T) {
	for in, want := range map[string]string{"AZ[@": "az[@", "İ": "i\u0307", "Σ": "σ", "ẞ": "ß", "ǅ": "ǆ", "\ua7dc": "\u019b", "\U00010d65": "\U00010d85", "\u1c89": "\u1c8a"} {
		var got []byte
		for _, r := range in {
			got = appendLower(got, r)
		}
		require.Equal(t, want, string(got), "%+q", in)
	}
}

// What is no UTF-8 becomes one U+FFFD for each longest start; all else stays.
func TestValid(t *testing.T) {
	for in, want := range map[string]string{
		"a\xffb": "a\uFFFDb", "\xf0\x9f\x98": "\uFFFD", "\xf0\x9f\x98x": "\uFFFDx", "\xed\xa0\x80": "\uFFFD\uFFFD\uFFFD", "\xe2\x82\xe2\x82\xac": "\uFFFD€",
		"\xc0\x80": "\uFFFD\uFFFD", "é": "é",
	} {
		require.Equal(t, want, valid(in), "%q", in)
	}
	rng := rand.New(rand.NewPCG(6, 0))
	for range 20000 {
		b := make([]byte, rng.IntN(8))
		for i := range b {
			b[i] = byte(rng.IntN(256)) | 0x80*byte(rng.IntN(2))
		}
		got := valid(string(b))
		require.True(t, utf8.ValidString(got))
		require.Equal(t, string(bytes.ToValidUTF8(b, nil)), strings.ReplaceAll(got, replacement, ""), "%q", b)
	}
}
