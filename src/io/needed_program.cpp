// SPDX-License-Identifier: MIT
// Running a program that is needed, and telling why that did not succeed.
#include "io/needed_program.hpp"

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet {

namespace {

bool cannot_be_run(const Error& error) {
  return error.kind() == ErrorKind::not_found || error.code() == std::errc::permission_denied ||
         error.code() == std::errc::executable_format_error;
}

std::vector<std::string> words_of(const ProcessOutput& output) {
  return last_lines(trim(output.err).empty() ? output.out : output.err);
}

}  // namespace

Task<std::string> run_needed(NeededProgram program) {
  ProcessOutput output;
  std::optional<Error> failed;
  try {
    Task<void> run = run_process_into(output, std::move(program.process));
    if (program.limit) {
      co_await with_timeout(*program.limit, std::move(run));
    } else {
      co_await std::move(run);
    }
  } catch (const Error& error) {
    failed = error;
  }
  if (!failed && output.status.success()) co_return std::move(output.out);
  if (!failed) {
    throw Error(ErrorKind::unavailable,
                fmt::format("{} ended with {}", program.name, output.status.describe()))
        .hint(program.failed_hint)
        .evidence_lines(words_of(output));
  }
  if (program.limit && failed->kind() == ErrorKind::timed_out) {
    throw Error(ErrorKind::timed_out,
                fmt::format("{} did not end within {}", program.name, to_string(*program.limit)))
        .hint(program.late_hint)
        .evidence_lines(words_of(output));
  }
  if (cannot_be_run(*failed)) throw std::move(program.when_missing).evidence(failed->message());
  throw *failed;
}

}  // namespace vmfleet
