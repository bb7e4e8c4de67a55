// Recurrent cells: every row of a batch holds its gates one after another.
#include "core/parallel.h"
#include "cpu/float_vectors.h"
#include "cpu/isa_backend.h"
#include "math/rnn_cell.h"

namespace deepnet {
inline namespace DEEPNET_ISA {
namespace {

/// Calls f(row, i, count) for stretches of up to V::lanes hidden units of every row, in parallel over rows.
template <class V, class F>
DN_INLINE void for_units(int64_t rows, int64_t hidden, F f) {
  // About a dozen operations an element, two of them transcendental: worth four of a copy.
  parallel_for(rows, grain_for(hidden * 4), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t i = 0; i < hidden; i += V::lanes) f(row, i, smaller(V::lanes, hidden - i));
  });
}

}  // namespace

void IsaBackend::lstm_cell_forward(const View& gates, const View& c_prev, const View& c, const View& h) {
  const int64_t hidden = c.size(1);
  visit_floats(c.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using V = vector_of<T>;
    for_units<V>(c.size(0), hidden, [&](int64_t row, int64_t i, int64_t n) DN_FUSED {
      T* a = gates.as<T>() + row * 4 * hidden + i;
      const int64_t at = row * hidden + i;
      const math::LstmState<V> s =
          math::lstm_forward(math::LstmGates<V>{get(a, n), get(a + hidden, n), get(a + 2 * hidden, n), get(a + 3 * hidden, n)},
                             get(c_prev.as<const T>() + at, n));
      put(a, s.gates.i, n);
      put(a + hidden, s.gates.f, n);
      put(a + 2 * hidden, s.gates.g, n);
      put(a + 3 * hidden, s.gates.o, n);
      put(c.as<T>() + at, s.c, n);
      put(h.as<T>() + at, s.h, n);
    });
  });
}

void IsaBackend::lstm_cell_backward(const View& gates, const View& c_prev, const View& c, const View& dh, const View& dc,
                                    const View& dgates, const View& dc_prev) {
  const int64_t hidden = c.size(1);
  visit_floats(c.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using V = vector_of<T>;
    for_units<V>(c.size(0), hidden, [&](int64_t row, int64_t i, int64_t n) DN_FUSED {
      const int64_t at = row * hidden + i, gate = row * 4 * hidden + i;
      const T* a = gates.as<const T>() + gate;
      const math::LstmGradient<V> d =
          math::lstm_backward(math::LstmGates<V>{get(a, n), get(a + hidden, n), get(a + 2 * hidden, n), get(a + 3 * hidden, n)},
                              get(c_prev.as<const T>() + at, n), get(c.as<const T>() + at, n), get(dh.as<const T>() + at, n),
                              dc.defined() ? get(dc.as<const T>() + at, n) : V(0));
      T* da = dgates.as<T>() + gate;
      put(da, d.gates.i, n);
      put(da + hidden, d.gates.f, n);
      put(da + 2 * hidden, d.gates.g, n);
      put(da + 3 * hidden, d.gates.o, n);
      put(dc_prev.as<T>() + at, d.c_prev, n);
    });
  });
}

void IsaBackend::gru_cell_forward(const View& gi, const View& gh, const View& h_prev, const View& h, const View& saved) {
  const int64_t hidden = h.size(1);
  visit_floats(h.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using V = vector_of<T>;
    for_units<V>(h.size(0), hidden, [&](int64_t row, int64_t i, int64_t n) DN_FUSED {
      const T* x = gi.as<const T>() + row * 3 * hidden + i;
      const T* y = gh.as<const T>() + row * 3 * hidden + i;
      const V hidden_n = get(y + 2 * hidden, n);
      const math::GruState<V> s =
          math::gru_forward(get(x, n), get(x + hidden, n), get(x + 2 * hidden, n), get(y, n), get(y + hidden, n), hidden_n,
                            get(h_prev.as<const T>() + row * hidden + i, n));
      put(h.as<T>() + row * hidden + i, s.h, n);
      if (!saved.defined()) return;
      T* keep = saved.as<T>() + row * 4 * hidden + i;
      put(keep, s.r, n);
      put(keep + hidden, s.z, n);
      put(keep + 2 * hidden, s.n, n);
      put(keep + 3 * hidden, hidden_n, n);
    });
  });
}

void IsaBackend::gru_cell_backward(const View& saved, const View& h_prev, const View& dh, const View& dgi, const View& dgh,
                                   const View& dh_prev) {
  const int64_t hidden = dh.size(1);
  visit_floats(dh.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using V = vector_of<T>;
    for_units<V>(dh.size(0), hidden, [&](int64_t row, int64_t i, int64_t n) DN_FUSED {
      const T* kept = saved.as<const T>() + row * 4 * hidden + i;
      const int64_t at = row * hidden + i;
      const math::GruGradient<V> d =
          math::gru_backward(get(kept, n), get(kept + hidden, n), get(kept + 2 * hidden, n), get(kept + 3 * hidden, n),
                             get(h_prev.as<const T>() + at, n), get(dh.as<const T>() + at, n));
      T* dx = dgi.as<T>() + row * 3 * hidden + i;
      T* dy = dgh.as<T>() + row * 3 * hidden + i;
      put(dx, d.r, n);
      put(dx + hidden, d.z, n);
      put(dx + 2 * hidden, d.input_n, n);
      put(dy, d.r, n);
      put(dy + hidden, d.z, n);
      put(dy + 2 * hidden, d.hidden_n, n);
      put(dh_prev.as<T>() + at, d.h_prev, n);
    });
  });
}

}  // namespace DEEPNET_ISA
}  // namespace deepnet
