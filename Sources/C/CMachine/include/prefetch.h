// A hint to the processor that memory will be read soon.
//
// In C because Swift has no way to say it. Any address will do: a prefetch never faults, and a program sees no
// effect but in time.
#ifndef BACKSTAY_CMACHINE_PREFETCH_H
#define BACKSTAY_CMACHINE_PREFETCH_H

static inline __attribute__((always_inline)) void cprefetch(const void *address) { __builtin_prefetch(address); }

#endif
