// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stdint.h>

/// The first twelve hexadecimal digits of the commit that was built; 0 where the build does not know it.
uint64_t build_commit(void);

/// Whether the working tree had changes on top of that commit.
bool build_is_modified(void);
