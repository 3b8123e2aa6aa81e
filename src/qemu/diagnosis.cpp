// SPDX-License-Identifier: MIT
// diagnose_exit: the last words that the table knows, else the exit status, decide.
#include <vmfleet/qemu/diagnosis.hpp>

#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "qemu/exit_messages.hpp"

namespace vmfleet {
namespace {

constexpr std::size_t kMostEvidence = 10;

bool is_warning(std::string_view line) {
  return line.find(": warning: ") != std::string_view::npos;
}

/// The last lines that were meant for a reader, without control characters.
std::vector<std::string> last_words(std::string_view text) {
  std::vector<std::string> lines;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (!line.empty()) lines.push_back(sanitize(line));
  }
  if (lines.size() > kMostEvidence) lines.erase(lines.begin(), lines.end() - kMostEvidence);
  return lines;
}

/// The text is taken as a whole, row by row of the table: a path in a message may contain a line
/// break, and the first line is not always the telling one.
const qemu::ExitMessage* find_cause(std::string_view text) {
  std::string without_warnings;
  for (const std::string_view line : split(text, '\n')) {
    if (!is_warning(line)) without_warnings.append(line).push_back('\n');
  }
  return qemu::find_exit_message(without_warnings);
}

Error from_signal(int signal) {
  const char* name = ::strsignal(signal);
  const std::string what = fmt::format("QEMU was ended by signal {} ({})", signal, name);
  if (signal == SIGSYS) {
    return Error(ErrorKind::host_unfit, what)
        .hint("the sandbox denied a system call: a device in qemu_args may need it");
  }
  if (signal == SIGKILL) {
    return Error(ErrorKind::exited, what)
        .hint("if nobody killed it, the host ran out of memory: dmesg shows it");
  }
  if (signal == SIGABRT || signal == SIGSEGV || signal == SIGBUS) {
    return Error(ErrorKind::exited, what).hint("QEMU crashed; its last words are the evidence");
  }
  return Error(ErrorKind::exited, what);
}

Error from_status(int status, std::string_view text) {
  if (text.find("terminating on signal") != std::string_view::npos) {
    return Error(ErrorKind::exited, "QEMU was told to end by a signal")
        .hint("the evidence names the process that sent it");
  }
  if (status == 126 || status == 127) {
    return Error(ErrorKind::host_unfit, "QEMU could not be executed")
        .hint("run vmfleet doctor to see which binary is used");
  }
  return Error(ErrorKind::exited, fmt::format("QEMU exited with status {}", status))
      .hint("vmfleet logs --qemu shows what it printed");
}

}  // namespace

Error diagnose_exit(std::string_view stderr_text, int status, int signal) {
  const std::vector<std::string> words = last_words(stderr_text);
  const qemu::ExitMessage* cause = status == 0 && signal == 0 ? nullptr : find_cause(stderr_text);
  if (cause != nullptr) {
    return Error(cause->kind, std::string(cause->meaning))
        .hint(std::string(cause->hint))
        .evidence_lines(words);
  }
  return (signal != 0 ? from_signal(signal) : from_status(status, stderr_text))
      .evidence_lines(words);
}

}  // namespace vmfleet
