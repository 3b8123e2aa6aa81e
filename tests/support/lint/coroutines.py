#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No braces and no value-capturing lambdas in an expression with co_await, no co_await in a REQUIRE.

GCC 12 miscompiles such temporaries: name them first. `[&]`, `[this]` and `[]` lambdas are fine.
"""
import re

import common

AWAIT = re.compile(r'\bco_await\b')
HARMLESS = re.compile(r'^\s*(&|this|&\s*\w+)?\s*(,\s*(this|&\s*\w+)\s*)*$')
ASSERTION = re.compile(r'\b(REQUIRE|CHECK)[A-Z_]*\(')
OPEN, CLOSE = '([{', ')]}'
# What stands before the brace of a block; before that of a value there is a name, = ( or ,
BLOCK = re.compile(r'(\)|;|\}|\{|:|>|\b(else|do|try|const|noexcept|mutable|override|final))\s*$')


def matching(code, start):
    """The offset of the bracket that closes the one at `start`."""
    depth = 0
    for offset in range(start, len(code)):
        if code[offset] in OPEN:
            depth += 1
        elif code[offset] in CLOSE:
            depth -= 1
            if depth == 0:
                return offset
    return len(code)


def lambda_body(code, start):
    """For a `[` that begins a lambda: the offset of its body's brace, else None."""
    before = code[:start].rstrip()
    if re.search(r'[\w)\]]$', before) and not re.search(r'\b(co_await|co_return|return)$', before):
        return None  # a subscript
    after = code[matching(code, start) + 1:]
    head = re.match(r'\s*(\([^{;]*?\))?\s*(mutable|noexcept|\s)*(->[^{;]*)?\{', after)
    return matching(code, start) + head.end() if head else None


def wrong_after(code, start):
    """What is wrong between co_await and the end of its expression."""
    offset, depth = start, 0
    while offset < len(code):
        char = code[offset]
        if char == '[':
            body = lambda_body(code, offset)
            if body is not None:
                captures = code[offset + 1:matching(code, offset)]
                if not HARMLESS.match(captures):
                    return 'a lambda that captures a value'
                offset = matching(code, body)
            else:
                depth += 1
        elif char == '{':
            # After the closing bracket of a condition it opens a block.
            return 'a brace' if depth >= 0 and not code[:offset].rstrip().endswith(')') else None
        elif char in '(':
            depth += 1
        elif char in CLOSE:
            depth -= 1
            if depth < 0 and char == '}':
                return None
        elif char == ';' and depth <= 0:
            return None
        offset += 1
    return None


def wrong_before(code, start):
    """Whether co_await stands inside the braces of a value, or in a conditional expression."""
    depth = 0
    for offset in range(start - 1, -1, -1):
        char = code[offset]
        if char in CLOSE:
            depth += 1
        elif char in '([':
            depth = max(0, depth - 1)
        elif char == '{' and depth > 0:
            depth -= 1
        elif char == '{':
            return None if BLOCK.search(code[max(0, offset - 40):offset]) else 'a brace'
        elif char == '?' and depth == 0:
            return 'a conditional expression'
        elif char == ';' and depth == 0:
            return None
    return None


def check(files):
    findings = []
    for path, text in common.cpp_files(files).items():
        if path.startswith('tests/unit/compiler/'):
            continue  # canaries: which of these shapes the compilers get right
        code = common.blank_out(text)
        for match in AWAIT.finditer(code):
            wrong = wrong_after(code, match.end()) or wrong_before(code, match.start())
            if wrong:
                line = common.line_of(code, match.start())
                findings.append(f'{path}:{line}: {wrong} in an expression with co_await')
        for match in ASSERTION.finditer(code):
            if AWAIT.search(code, match.end(), matching(code, match.end() - 1)):
                line = common.line_of(code, match.start())
                findings.append(f'{path}:{line}: co_await in an assertion')
    return findings


def wrap(statement):
    return {'src/a.cpp': 'Task<> f() {\n  int x = 0;\n  ' + statement + '\n  g();\n}\n'}


SELF_TEST = [
    (wrap('co_await f(Spec{1});'), 'a brace'),
    (wrap('co_await f({.file = 1});'), 'a brace'),
    (wrap('auto v = co_await f({"a", "b"});'), 'a brace'),
    (wrap('co_await f([x = std::move(y)] { g(); });'), 'captures a value'),
    (wrap('co_await f([=] { g(); });'), 'captures a value'),
    (wrap('co_await [t]() -> Task<> { co_return; }();'), 'captures a value'),
    (wrap('co_return R{a, co_await g()};'), 'a brace'),
    (wrap('R r{co_await g(), co_await g()};'), 'a brace'),
    (wrap('auto v = c ? co_await g() : co_await h();'), 'a conditional'),
    (wrap('REQUIRE(co_await f() == "x");'), 'co_await in an assertion'),
    (wrap('CHECK_FALSE((co_await f()).empty());'), 'co_await in an assertion'),
    (wrap('auto x = co_await f();\n  REQUIRE(x == 1);'), None),
    (wrap('co_await f(a[1], "{", \'{\');  // {'), None),
    (wrap('co_await f([&] { g(); });'), None),
    (wrap('co_await group([&](TaskGroup& g) -> Task<> { co_await g.start(f); });'), None),
    (wrap('co_await f([this, &x](int y) { return y; });'), None),
    (wrap('while (auto r = co_await f()) { g(); }'), None),
    (wrap('if (!co_await f(1)) { g(); } else { co_await f(2); }'), None),
    (wrap('for (int i = 0; i < 3; ++i) {\n co_await f(i);\n }'), None),
    (wrap('try {\n co_await f(1);\n } catch (const E& e) {\n g();\n }'), None),
    (wrap('do { co_await f(1); } while (x);'), None),
]

if __name__ == '__main__':
    common.main(check, SELF_TEST)
