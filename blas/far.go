package blas

import "github.com/tandem-compute/tandem"

// copied multiplies on a device with memory of its own: operands go there, the result comes back.
func (p *product[T]) copied(s *tandem.Scope) (err error) {
	var held [3]tandem.Tensor
	defer func() {
		for _, t := range held {
			if t.Valid() {
				if e := t.Close(); err == nil {
					err = e
				}
			}
		}
	}()
	if held[0], err = p.a.upload(p.dev); err != nil {
		return err
	}
	if held[1], err = p.b.upload(p.dev); err != nil {
		return err
	}
	g := p.gemm()
	if p.beta != 0 {
		if held[2], err = p.c.upload(p.dev); err != nil {
			return err
		}
		g.C = held[2]
	}
	return p.c.download(s, s.MatMulWith(held[0], held[1], g))
}

func (o *operand[T]) contiguous() bool { return o.ld == o.cols || o.rows == 1 }

// upload is a copy of o on dev.
func (o *operand[T]) upload(dev *tandem.Device) (tandem.Tensor, error) {
	data := o.data[:(o.rows-1)*o.ld+o.cols]
	if !o.contiguous() {
		data = make([]T, 0, o.rows*o.cols)
		for i := range o.rows {
			data = append(data, o.data[i*o.ld:][:o.cols]...)
		}
	}
	return tandem.FromSlice(dev, data, o.rows, o.cols)
}

// download sets o to t.
func (o *operand[T]) download(s *tandem.Scope, t tandem.Tensor) error {
	if o.contiguous() {
		return tandem.Read(s, t, o.data[:o.rows*o.cols])
	}
	data := make([]T, o.rows*o.cols)
	if err := tandem.Read(s, t, data); err != nil {
		return err
	}
	for i := range o.rows {
		copy(o.data[i*o.ld:][:o.cols], data[i*o.cols:])
	}
	return nil
}
