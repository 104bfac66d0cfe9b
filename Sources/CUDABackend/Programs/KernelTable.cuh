// SPDX-License-Identifier: MIT
// Asserts that every kernel of a program takes the parameters that KernelTable.h lists, against
// which the host checks its launches.
#pragma once
#include "Programs/KernelTable.h"

namespace parameters {
template <class T> struct Kind;
template <class T> struct Kind<T *> { enum { letter = 'p' }; };
template <> struct Kind<float> { enum { letter = 'f' }; };
template <> struct Kind<int> { enum { letter = 'i' }; };
template <> struct Kind<long long> { enum { letter = 'l' }; };
template <> struct Kind<unsigned int> { enum { letter = 'u' }; };

template <char... letters> struct Kinds {
  static __device__ constexpr bool are(const char *listed) {
    const char own[] = {letters..., 0};
    for (int i = 0; i <= (int)sizeof...(letters); i++)
      if (own[i] != listed[i]) return false;
    return true;
  }
};
template <class... T> __device__ Kinds<Kind<T>::letter...> of(void (*)(T...));
}

#define CHECK_KERNEL(name, kinds)                                                                  \
  static_assert(decltype(parameters::of(name))::are(kinds),                                        \
                #name " takes other parameters than KernelTable.h lists");
#define CHECK_KERNELS(KERNELS) KERNELS(CHECK_KERNEL)
