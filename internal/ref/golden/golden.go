package golden

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/tandem-compute/tandem/internal/op"
)

//go:embed *.json
var files embed.FS

// Case is an op with inputs and what others made of them.
type Case struct {
	Name    string `json:"-"` // family/op/number
	OpName  string `json:"op"`
	Params  json.RawMessage
	In, Out []Tensor
	Dy      *Tensor   // of the first output; nil where there is no gradient
	Grad    []*Tensor // of every input, nil for those that have none
}

// Tensor holds elements in row-major order.
type Tensor struct {
	DType string
	Dims  []int
	Data  []Number
}

// Number is written as JSON's number, or as the string nan, inf or -inf.
type Number float64

func (n *Number) UnmarshalJSON(b []byte) error {
	special := map[string]float64{`"nan"`: math.NaN(), `"inf"`: math.Inf(1), `"-inf"`: math.Inf(-1)}
	if v, ok := special[string(b)]; ok {
		*n = Number(v)
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Load reads all cases.
func Load() ([]Case, error) {
	var all []Case
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		b, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		var f struct{ Cases []Case }
		if err := json.Unmarshal(b, &f); err != nil {
			return nil, fmt.Errorf("golden %s: %w", e.Name(), err)
		}
		for i := range f.Cases {
			c := &f.Cases[i]
			c.Name = fmt.Sprintf("%s/%s/%d", strings.TrimSuffix(e.Name(), ".json"), c.OpName, i)
		}
		all = append(all, f.Cases...)
	}
	return all, nil
}

// Op is the case's op with its parameters; those that the case does not name are as in op.All.
func (c *Case) Op() (op.Op, error) {
	for _, o := range op.All() {
		if o.Name() == c.OpName {
			d := json.NewDecoder(bytes.NewReader(c.Params))
			d.DisallowUnknownFields()
			return o, d.Decode(o)
		}
	}
	return nil, fmt.Errorf("golden %s: there is no op %s", c.Name, c.OpName)
}

// Type is the tensor's type, contiguous.
func (t *Tensor) Type() (op.Type, error) {
	d, ok := op.ParseDType(t.DType)
	if !ok {
		return op.Type{}, fmt.Errorf("golden: there is no dtype %s", t.DType)
	}
	u, err := op.New(d, t.Dims...)
	if err == nil && u.Elems() != len(t.Data) {
		err = fmt.Errorf("golden: %d elements for %v", len(t.Data), u)
	}
	return u, err
}
