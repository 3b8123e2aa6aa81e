// SPDX-License-Identifier: MIT
// VMFLEET_ASYNC_TEST: a GoogleTest test whose body is a coroutine. Include GoogleTest first.
#pragma once

#include <vmfleet/async/task.hpp>
#include <vmfleet/testkit/async_test.hpp>

/// Used like TEST, and the body may `co_await`. EXPECT_… work as usual; ASSERT_… contain a plain
/// `return`, which a coroutine cannot have: use EXPECT_… and throw, or `co_return`.
#define VMFLEET_ASYNC_TEST(suite, name)                              \
  static ::vmfleet::Task<void> vmfleet_async_##suite##_##name();     \
  TEST(suite, name) {                                                \
    ::vmfleet::testkit::run_async(vmfleet_async_##suite##_##name()); \
  }                                                                  \
  static ::vmfleet::Task<void> vmfleet_async_##suite##_##name()
