// SPDX-License-Identifier: MIT
// VMFLEET_ASYNC_TEST_CASE: a Catch2 test case whose body is a coroutine. Include Catch2 first.
#pragma once

#include <vmfleet/async/task.hpp>
#include <vmfleet/testkit/async_test.hpp>

#define VMFLEET_CONCAT_AGAIN(a, b) a##b
#define VMFLEET_CONCAT(a, b) VMFLEET_CONCAT_AGAIN(a, b)

/// Used like TEST_CASE, and the body may `co_await`:
///
///     VMFLEET_ASYNC_TEST_CASE("the guest becomes ready", "[system]") {
///       Machine machine = co_await Machine::launch(config);
///       const ReadyReport report = co_await machine.wait_ready();
///       REQUIRE(report.ready());
///     }
///
/// Await into a named variable before REQUIRE, not inside it. A failed REQUIRE ends the test as
/// usual, after the cleanup of the scopes that it leaves.
#define VMFLEET_ASYNC_TEST_CASE(...) \
  VMFLEET_ASYNC_TEST_CASE_NAMED(VMFLEET_CONCAT(vmfleet_async_test_, __LINE__), __VA_ARGS__)
#define VMFLEET_ASYNC_TEST_CASE_NAMED(body, ...) \
  static ::vmfleet::Task<void> body();           \
  TEST_CASE(__VA_ARGS__) {                       \
    ::vmfleet::testkit::run_async(body());       \
  }                                              \
  static ::vmfleet::Task<void> body()
