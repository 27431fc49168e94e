"""Small templates, one construct or mistake each, that the engine must treat as jinja2 does. Used by make_goldens.py."""

CONTEXT = {'s': 'Hello, World',
 'u': 'Grüße 世界 ß ﬁ Σας ΌΔΟΣ',
 'e': '',
 'ws': '  a b\t c\n ',
 'n': 5,
 'f': 2.5,
 'z': 0,
 't': True,
 'nul': None,
 'l': [3, 1, 2],
 'ls': ['b', 'A', 'c'],
 'd': {'b': 1, 'a': 'x', 'items': 'it', 'n': {'x': [1, 2]}},
 'ld': [{'k': 'x', 'v': 1}, {'k': 'y', 'v': 2}, {'k': 'x', 'v': 3}, {'v': 9}],
 'em': [],
 'ed': {},
 'big': 9007199254740993,
 'x': 'ctx',
 'p': [[1, 2], [3, 4]],
 'm': [{'role': 'user', 'content': 'hi'}, {'role': 'assistant', 'content': 'yo'}]}

# One expression a line.
EXPRESSIONS = r'''
1+1
7//2
-7//2
7%3
-7%3
7%-3
2**10
2**-1
2**0.5
7/2
6/2
1.5+1
1e16
1e15
1e-5
0.0001
123456789.123
1/3
-0.0
5.0//2
-5.5//2
5.5%2
-5.5%2
2**3**2
-2**2
10-2-3
1 ~ 2 ~ 'x'
'a' ~ 1 + 2
1 + 2 ~ 'a'
'a' * 3
3 * 'ab'
[1] * 3
'a' * -1
[1,2]+[3]
(1,)+(2,3)
(1,2)
(1,)
()
[1,'a',None,True,1.5,{'a':1}]
{'a':1,'b':[1,2],3:4}
"it's"
'say "x"'
["it's"]
['a"b']
["a'b\"c"]
['\n\t\\']
['é\x00\u200b']
true
False
none
None
nope
nope.x
nope['x']
nope()
nope+1
none.x
none.x.y
d.x
d.a
d['a']
d['items']
d.items()
d.keys()
d.values()
d.get('a')
d.get('zz')
d.get('zz','def')
d.get('zz')|default('q')
d.n.x[1]
d.n['x'][-1]
d.pop('a')
l.append(1)
l.append
d.__class__
s.__class__
s[0]
s[-1]
s[100]
s[1:3]
s[::-1]
s[:-1]
s[-3:]
s[::2]
s[10:2:-2]
u[0:3]
u[3]
u|length
l[1:]
l[::-1]
l[0]
l[-4]
l[3]
l['x']
s.0
l.0
l.1
s|upper
u|upper
u|lower
u|title
u|capitalize
s.upper()
u.upper()
u.lower()
u.title()
u.capitalize()
ws.strip()
ws|trim
ws.lstrip()
ws.rstrip()
ws.split()
ws.split(' ')
'a,b,,c'.split(',')
'a,b,,c'.split(',',1)
'a,b,,c'.rsplit(',',1)
' a  b '.split(None,1)
' a  b '.rsplit(None,1)
'xxaxx'.strip('x')
'xyaxy'.strip('yx')
'xyaxy'.lstrip('yx')
'a\nb\r\nc'.splitlines()
'a\nb\n'.splitlines(true)
s.startswith('Hel')
s.startswith(('x','H'))
s.endswith('ld')
s.startswith('l',2)
s.find('o')
s.find('zz')
s.rfind('o')
s.index('zz')
s.count('l')
s.replace('l','L')
s.replace('l','L',1)
s.replace('','-')
s|replace('l','L')
s|replace('l','L',2)
12321|replace(2,'x')
','.join(ls)
','.join(l)
l|join(',')
l|join
ld|join(',','v')
ld|map(attribute='k')|list
ld|map(attribute='k',default='?')|list
ls|map('upper')|list
ls|map('upper')|join(' ')
l|sort
ls|sort
ls|sort(case_sensitive=true)
l|sort(reverse=true)
ld[:3]|sort(attribute='k,v',reverse=true)|map(attribute='v')|list
ld|sort(attribute='k')
[1,'a']|sort
d|dictsort
d|items|list
d|list
d|length
l|first
l|last
em|first
em|last
d|first
s|first
s|last
l|sum
ld|sum(attribute='v')
ls|sum
l|min
l|max
ls|min
ls|max
em|min
l|reverse|list
s|reverse
ls|unique|list
['a','A','b']|unique|list
l|select('odd')|list
l|reject('odd')|list
l|select|list
ld|selectattr('k')|list|length
ld|selectattr('k','equalto','x')|list
ld|rejectattr('k','defined')|list
ld|selectattr('k','defined')|map(attribute='v')|list
l|select('gt',1)|list
l|select('in',[1,2])|list
l|batch(2)|list
l|batch(2,'x')|list
l|slice(2)|list
[1,2,3,4,5]|slice(3)|list
[1,2,3,4,5]|slice(3,'x')|list
ld|groupby('k')|list
ld[:3]|groupby('k')|list
ld|groupby('k',default='zz')|list
nope|default('x')
e|default('x')
e|default('x',true)
e|d('x',boolean=true)
nope|length
nope|list
nope|upper
nope|join
nope|trim
nope|int
nope|tojson
nope|first
nope|map('upper')|list
nope|sort
nope|items|list
nope|reverse|list
nope|last
nope|string
nope|replace('a','b')
nope|sum
nope|unique|list
nope|abs
nope|float
nope|round
nope|indent
nope|capitalize
nope is defined
nope is undefined
nope is none
nope is string
nope is iterable
nope is sequence
nope is mapping
nope == nope2
nope == none
nope == ''
nope in l
1 in nope
nope < 1
not nope
-nope
nope ~ 'x'
s is string
l is iterable
l is sequence
l is mapping
d is mapping
d is sequence
d is iterable
n is number
f is number
t is number
t is integer
n is integer
f is float
t is boolean
t is true
t is false
nul is none
nul is not none
n is odd
n is even
10 is divisibleby 5
10 is divisibleby(3)
n is eq 5
n is equalto 5
n is ne 4
n is gt 4
n is ge 5
n is lt 4
n is in [1,5]
n is not in [1,5]
nul is sameas none
s is upper
'ABC' is upper
'abc' is lower
'' is lower
s is callable
range is callable
s.upper is callable
'upper' is filter
'nope' is filter
'odd' is test
s is escaped
1 < 2 < 3
1 < 3 < 2
1 == 1 == 1
1 == 1.0
1 == true
'a' < 'b'
'a' < 1
[1,2] < [1,3]
[1] < [1,0]
(1,2) == (1,2)
[1] == (1,)
l == [3,1,2]
d == d
'a' in 'abc'
1 in 'abc'
'a' in d
'zz' not in d
[1] in d
2 in l
2 not in l
'b' in d.keys()
1 in d.values()
('b',1) in d.items()
none in l
1 if true else 2
1 if false
(1 if false) is defined
1 if false else 2 if false else 3
true and 0
0 or 'x'
'' or none or 'z'
not 0
not not 1
1 and 2 or 3
n|string ~ 'x'
'5'|int + 1
'5.7'|int
'abc'|int
'abc'|int(7)
' 5 '|int
'1_000'|int
'+5'|int
'-5'|int
'5.7'|float
'abc'|float
'abc'|float(1.5)
'1e3'|float
'inf'|float
'nan'|float
5|float
5.7|int
-5.7|int
none|int
none|float
[]|int
true|int
2.5|round
3.5|round
2.567|round(2)
2.5|round|int
2.567|round(1,'ceil')
2.567|round(1,'floor')
5|round
-3|abs
-3.5|abs
true|abs
'%s %d' % ('a',5)
'%s' % 'x'
'%s' % [1,2]
'%5.2f|' % 3.14159
'%-5s|' % 'ab'
'%05d' % 42
'%+d' % 42
'%x' % 255
'%X' % 255
'%o' % 8
'%r' % 'a'
'%(a)s' % d
'%%'%()
'%s'
'%d' % 'x'
'%s %s' % ('a',)
'%s' % ('a','b')
'x' % ()
'x' % 5
'x' % d
'%e' % 12345.678
'%g' % 0.00001
'%G' % 1e20
'%c' % 'x'
'%5s|' % 'é'
'%.2s' % 'éàü'
'%*d' % (5,42)
'{} {}'.format(1,'a')
'{0} {1} {0}'.format(1,'a')
'{a}'.format(a=5)
'{{}}'.format()
'{!r}'.format('a')
'{'.format()
'%s-%s'|format('a',1)
'%(x)s'|format(x=1)
l|tojson
d|tojson
d|tojson(indent=2)
d|tojson(indent=4)
em|tojson(indent=2)
ed|tojson
u|tojson
u|tojson(ensure_ascii=true)
'👋'|tojson(ensure_ascii=true)
'a"b\\c\n\t\x01\x7f/<>&'|tojson
d|tojson(separators=(',',':'))
d|tojson(sort_keys=true)
{1:2,none:3,true:4,1.5:5}|tojson
[1.0,1e100,nul,true]|tojson
(1,2)|tojson
d|tojson(indent='\t')
d|tojson(true)
l|tojson(indent=0)
range|tojson
range(3)|tojson
range(3)|list
range(1,10,3)|list
range(5,0,-2)|list
range(3)|length
range(3)[1]
range(100001)|length
range(1.5)
range()
dict(a=1,b=2)
dict(d,c=1)
dict([('a',1)])
dict([['a',1],['a',2]])
namespace(a=1).a
namespace(a=1).b
namespace({'a':1}).a
namespace(_a=1)
'a' 'b'
"a\x41\u0042\U00000043\101\0"
"\q\é"
1_000
0x1F
0b101
0o17
1e3
1.5e-3
1_0.5
007
s|center(20)
s|center(21) ~ '|'
s.center(21,'*')
s.ljust(15,'.')
s.rjust(15,'.')
'42'.zfill(5)
'-42'.zfill(5)
'+4'.zfill(1)
s|wordcount
u|wordcount
ws|indent
'a\nb\n\nc'|indent
'a\nb\n\nc'|indent(2,true)
'a\nb\n\nc'|indent(2,blank=true)
'a\nb\n\nc'|indent('> ')
'a\nb\n'|indent(2)
'foo bar baz qux'|truncate(9)
'foo bar baz qux'|truncate(9,true)
'foo bar baz qux'|truncate(11)
'foo bar baz qux'|truncate(11,false,'...',0)
'abc'.isdigit()
'123'.isdigit()
'12a'.isalnum()
'abc'.isalpha()
' '.isspace()
''.isspace()
'abc'.islower()
'ABC'.isupper()
'a.b'.partition('.')
'a.b.c'.rpartition('.')
'ab'.partition('.')
'ab'.rpartition('.')
'prefix-x'.removeprefix('prefix-')
'x.py'.removesuffix('.py')
s.nope
s.nope()
s.upper.x
l.index(1)
l.index(9)
l.count(1)
l.copy()
d.copy()
(1,2).index(2)
d|attr('a')
s|safe
s|escape
s|bogus
s is bogus
big
big+1
9223372036854775807
1//0
1/0
1%0
1.0//0
0**-1
10.0**400
1 == 1.0 == true
[true,1,1.0]|unique|list
{1:'a',true:'b'}
{1:'a'}[1.0]
{1:'a'}[true]
{'a':1}['b']
{'a':1}[[1]]
{[1]:2}
(1 if n else 2) + 3
n.x
n['x']
5.x
5['x']
l|length == 3
l|length>2 and s|length<50
-n|abs
-5|abs
(-5)|abs
not n is odd
n is odd and f is float
s.split(',')[0].lower()|title
(ld|first).k
ld[0].k|upper ~ ld[1]['k']
ld|map(attribute='n.x')|list
[d]|map(attribute='n.x.0')|list
(l|map('string'))|list
l|map('bogus')|list
l|select('bogus')|list
l|map(attribute='a',bad=1)|list
foo(1)
s(1)
raise_exception('boom')
raise_exception('boom: ' ~ n)
strftime_now('%Y-%m-%d %H:%M:%S')
strftime_now('%d %b %Y')
strftime_now('%A %B %j %I%p %y %-d %e %%')
strftime_now('%z%Z%f')
loop
varargs
caller
true is true
True is true
s | upper | lower
s|upper()
s|default
s|default()
s|join('-')
d|join(',')
'abc'|list
'a'|string|length
l|string
nul|string
nul|upper
t|lower
n|upper
nul ~ 1
nul + 1
s + n
s + nul
l + d
l + (1,)
d ~ ''
s - 1
s * s
l * l
-s
+n
+t
-t
t + t
l[t]
l[1.0]
s[nul]
l[nul:2]
l['a':]
l[::0]
d[:1]
range(10)[2:8:3]|list
l[:]|length
d.items()|list
d.items()|length
d.keys()|list|first
d.keys()[0]
d.items()|first
d.items()|last
d|last
d.values()|sum
d|items|length
l|map('string')|length
l|reverse|first
l|reverse|length
d|string
u|list
[u]
'%s' % u
u.split()
u.find('世')
u.index('界')
u.count('s')
u.startswith('Grü')
u[::-1]
u|reverse
u|tojson|length
{'é':'ü'}|tojson
{'é':'ü'}
(s)
((s))
[s,]
{'a':1,}
[,]
{,}
(,)
s,n
s,
1 2
s s
'a
{'a'}
{'a':}
s|
s.
s[
s]
s is
s is not
not
+
if
1 if
s | upper |
a b c
s..a
s!
s?
s@
s&s
s^s
s$
a = 1
*l
**d
dict(**d)
dict(**l)
dict(a=1,a=2)
dict(a=1,**{'a':2})
s.replace(*['l','L'])
s.replace(*['l'],**{})
s.replace('l')
s.replace('l','L',1,2)
s.split(sep=',')
s.split(maxsplit=1)
s.nosuch is defined
s.upper is defined
d.a.b is defined
d.zz is defined
d.zz.y is defined
none is defined
s|tojson|safe
[1,2,3]|join(', ')|upper
l is eq l
n is gt(4) and n is lt 6
n is odd == true
1 is odd is true
'x' is in 'xyz'
1 in [1] in [[1]]
s == 'Hello, World' and not (n == 4)
ws.isspace()
'\u2028'.splitlines()|length
'a\x1cb\x85c\u2029d'.splitlines()
'\xa0a\u3000'.strip()
'İI'.lower()
'ǆ'.title()
'ŉ'.upper()
'ΑΣ ΑΣΑ Σ'.lower()
"o'neil it's"|title
"o'neil it's".title()
"foo-bar (baz) [qux] {a} <b>"|title
'FOO BAR'|capitalize
5|title
nul|title
('1_0'|int) + '1__0'|int
5|safe + '<'
[x|e, 1]
('a'|safe) < 'b'
'a' in ('abc'|safe)
('a'|safe) is iterable and ('a'|safe) is sequence and ('a'|safe) is escaped
l|sum(start=10)
l|max(case_sensitive=true)
ld|map('length')|list
'x'.join(s)
u.title()|length
'ᾳ ᾷ ǆ ŉ ﬁ'.title()
s|truncate(5, leeway=0)
[3, 1.5, true]|sort
[(2,'a'),(1,'b')]|sort
[[2],[1,5],[1]]|sort
'%s and %s' % ('a', l)
'%(b)s' % d
'%5.1f|%-6d|%06.2f' % (2.25, 7, 3.14159)
-7 % 3 ~ ' ' ~ 7 % -3 ~ ' ' ~ 7.5 % -2
1e300 * 1e10
1e22 ~ ' ' ~ 1e21 ~ ' ' ~ 123456789012345680.0
0.1 + 0.2
100000000000000000000.0
5e-324
'é' * 3 ~ 'é'|length
2 ** 62
'a' < 'é' < '世' < '👋'
[1] in [[1], 2]
{'a': [1, {'b': none}]}|tojson(indent=1)
{'b': 1, 'a': {'d': 1, 'c': 2}}|tojson(sort_keys=true, indent=2)
[]|tojson ~ {}|tojson ~ ''|tojson
'\u2028\u00e9\x1f'|tojson
l|join(', ', attribute=none)
d|dictsort(by='key', reverse=true)|first
range(3) == range(3)
range(0, 10, 4)|list|tojson
'''

# One template a line.
STATEMENTS = r'''
{% for i in l %}{{ i }}{% endfor %}
{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }};{% endfor %}
{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }};{% endfor %}
{% for i in l if i > 1 %}{{ i }}{{ loop.last }}{{ loop.length }}{{ loop.nextitem }},{% endfor %}
{% for i in l if i > 10 %}{{ i }}{% else %}none{% endfor %}
{% for i in e %}x{% else %}empty{% endfor %}
{% for a, b in p %}{{ a }}-{{ b }} {% endfor %}
{% for (a, b) in p %}{{ a }}-{{ b }} {% endfor %}
{% for a, (b, c) in [[1,[2,3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in l %}{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }} {% endfor %}
{% for k in d %}{{ k }}{% endfor %}
{% for c in s %}{{ c }}.{% endfor %}
{% for i in n %}{% endfor %}
{% for i in nope %}x{% endfor %}done
{% for i in none %}x{% endfor %}
{% for i in l %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}
{% for i in l %}{% break %}{% else %}else{% endfor %}
{% for i in l %}{% continue %}{% else %}else{% endfor %}
{% for i in l %}{{ loop.cycle('a','b') }}{% endfor %}
{% for i in [1,1,2] %}{{ loop.changed(i) }}{% endfor %}
{% for i in l %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}
{% for i in l %}{% for j in l %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}
{% for i in l %}{% set o = loop %}{% for j in p %}{{ o.index }}{{ loop.index }} {% endfor %}{% endfor %}
{% for i in l %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}
{% for i in l %}{{ x }}{% endfor %}{% set x = 5 %}{{ x }}
{% set x = 1 %}{% for i in l %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}
{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}
{% set ns.x = 1 %}
{% set d.x = 1 %}
{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% set a, b = p[0] %}{{ a }}{{ b }}
{% set (a, b) = p[0] %}{{ a }}{{ b }}
{% set a, b = 1 %}
{% set a, b = [1,2,3] %}
{% set a = 1, 2 %}{{ a }}
{% set a %}x{{ n }}y{% endset %}[{{ a }}]
{% set a | upper %}abc{% endset %}{{ a }}
{% set a | replace('b','z') | upper %}abc{% endset %}{{ a }}
{% set x %}{{ x }}!{% endset %}{{ x }}
{% if x %}yes{% endif %}
{% if nope %}yes{% else %}no{% endif %}
{% if nope %}a{% elif x %}b{% else %}c{% endif %}
{% if nope %}a{% elif nope %}b{% elif n %}n{% endif %}
{% if x %}{% set y = 1 %}{% endif %}{{ y }}
{% if nope %}{% set x = 1 %}{% endif %}{{ x }}
{% if nope %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}
{% if x is not defined %}{% set x = 1 %}{% endif %}{{ x }}
{% if nope is not defined %}{% set nope = 'D' %}{% endif %}{{ nope }}
{% macro f(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}{{ f(1,3) }}{{ f(b=5,a=4) }}{{ f() }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1,2) }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(c=2) }}
{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1,2,c=3) }}
{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}
{% macro f() %}{{ x }}{% endmacro %}{{ f() }}{% set x = 2 %}{{ f() }}
{% macro f() %}{{ y }}{% endmacro %}{{ f() }}{% set y = 2 %}{{ f() }}
{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(3) }}
{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}
{% macro f(n) %}{{ caller(n) }}{% endmacro %}{% call(v) f(7) %}<{{ v }}{{ x }}>{% endcall %}
{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}body{% endcall %}
{% macro f() %}[{{ caller() }}]{% endmacro %}{{ f() }}
{% macro f() %}[{{ caller is defined }}]{% endmacro %}{{ f() }}
{% macro f() %}x{% endmacro %}{% call f() %}body{% endcall %}
{% macro f(caller=none) %}{{ caller() if caller else 'no' }}{% endmacro %}{{ f() }}{% call f() %}B{% endcall %}
{% macro f(caller) %}{{ caller() }}{% endmacro %}{{ f() }}
{% macro f(a=1, b) %}{% endmacro %}
{% for i in l %}{% macro f() %}{{ i }}{% endmacro %}{{ f() }}{% endfor %}{{ f is defined }}
{% macro outer() %}{% macro inner() %}{{ q }}{% endmacro %}{% set q = 'Q' %}{{ inner() }}{% endmacro %}{{ outer() }}
{% macro f(m) %}{% for i in m %}{{ loop.index }}{{ i }}{% endfor %}{% endmacro %}{{ f(l)|upper ~ '!' }}
{% macro f() %}{% set x = 'in' %}{{ x }}{% endmacro %}{{ f() }}{{ x }}
{% macro f() %}  {% if true %} a {% endif %}  {% endmacro %}[{{ f() }}]
{% macro f(s) -%} {{ s }} {%- endmacro %}[{{ f('a') }}]
{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z }}
{% with x = x ~ '!' %}{{ x }}{% endwith %}{{ x }}
{% filter upper %}abc{{ x }}{% endfilter %}
{% filter upper | replace('B','-') %}abc{% endfilter %}
{% print x, n %}
{% generation %}gen {{ x }}{% endgeneration %}
{% for m1 in m %}{% generation %}{{ m1.content }}{{ loop.index }}{% set z = 1 %}{% endgeneration %}{{ z }}{% endfor %}
{%- generation -%} a {%- endgeneration -%}
{% raw %}{{ x }}{% if %}{% endraw %}
{%- raw -%} {{ x }} {%- endraw -%} b
a {% raw %} {{ x }} {% endraw %} b
{# comment #}x{#- c -#} y {# {{ x }} #}
{# unclosed
{{ x
{% if x
{% if x %}
{% for x in l %}
{% endif %}
{% else %}
{% bogus %}
{% extends 'a' %}
{% include 'a' %}
{% import 'a' as b %}
{% from 'a' import b %}
{% do x %}
{% break %}
{% for i in l %}{% else %}{% break %}{% endfor %}
{% for i in l %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}
{% for i in l %}{% set y %}{% break %}{% endset %}{% endfor %}ok
{% for i in l %}{% set y %}{{ i }}{% if i == 1 %}{% continue %}{% endif %}{% endset %}{{ y }}{% endfor %}
{% for loop in l %}{% endfor %}
{% for i in l %}{% set loop = 1 %}{% endfor %}
{% set loop = 4 %}{{ loop }}
{% for i in l %}{% for j in l if loop.index == 1 %}{{ j }}{% endfor %}{% endfor %}
{% for i in l if loop.first %}{% endfor %}
{% set none = 1 %}
{% set 1 = 1 %}
{% set a.b.c = 1 %}
{% set a[0] = 1 %}
{% set = 1 %}
{% set a = %}
{% for in l %}{% endfor %}
{% if %}{% endif %}
{% if x %}{% elif %}{% endif %}
{% macro %}{% endmacro %}
{% macro f %}{% endmacro %}
{% call f %}{% endcall %}
{% call f() %}{% endcall %}
{% if x: %}a{% endif %}
{% for i in l: %}{{ i }}{% endfor %}
{% set it = l|map('string') %}{% for i in it %}{{ i }}{% endfor %}|{% for i in it %}{{ i }}{% endfor %}
{% set it = l|map('string') %}{{ '1' in it }}{{ it|list }}
{% set it = l|select('gt', 0) %}{% for i in it %}{{ loop.length }}{{ loop.last }}{% endfor %}
{% set it = l|select('gt', 0) %}{{ it|first }}{{ it|list }}
{% for i in l|reverse %}{{ i }}{{ loop.length }}{% endfor %}
{% for i in l[::-1] %}{{ i }}{% endfor %}
{% for i in range(3) %}{{ i }}{{ loop.last }}{% endfor %}
{% for i in range(2) %}{% for j in range(2) %}{{ i }}{{ j }} {% endfor %}{% endfor %}
{% set ns = namespace(found=false) %}{% for i in l if not ns.found %}{{ i }}{% set ns.found = true %}{% endfor %}
{% set ns = namespace(found=false) %}{% for i in l if not ns.found %}{{ i }}{{ loop.last }}{% set ns.found = true %}{% endfor %}
{% for i in l %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}
{{ m[0]['role'] ~ ': ' ~ m[0].content }}
{% if m[0]['role'] == 'system' %}{% set sys = m[0].content %}{% set m = m[1:] %}{% else %}{% set sys = '' %}{% endif %}{{ sys }}{{ m|length }}
{% set content = m[-1]['content'] %}{% if content is string %}S{% elif content is iterable %}I{% endif %}
{% for m1 in m %}{% if (m1.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}{% endif %}{{ m1.role }}{% endfor %}
{{ x }}{% set x = 1 %}{{ x }}
{% for i in l %}{% for j in l %}{{ x }}{% endfor %}{% set x = 1 %}{% endfor %}
{{ x }}{% for i in l %}{% for j in l %}{{ x }}{% endfor %}{% set x = 1 %}{% endfor %}
{% set range = 3 %}{{ range }}
{% set x = x %}{{ x }}
{% set y = y|default('dd') %}{{ y }}
{% if x is defined and x %}{{ x }}{% endif %}
{% if false %}{{ x|bogus }}{% endif %}ok
{% if true %}{{ x|bogus }}{% endif %}ok
{{ x|bogus if false }}ok
{{ (1 if false else x|bogus) }}
{% if false %}{% for i in l %}{{ i|bogus }}{% endfor %}{% endif %}
{% if false %}{{ x is bogus }}{% endif %}ok
{% if x is bogus %}{% endif %}ok
{% macro f() %}{% if false %}{{ x|bogus }}{% endif %}{% endmacro %}ok
{% set a %}{% set b = 1 %}{{ b }}{% endset %}{{ a }}{{ b }}
{% set a = 1 %}{% set b %}{{ a }}{% set a = 2 %}{{ a }}{% endset %}{{ a }}{{ b }}
{{ {'a': 1}.a }}{{ {'a': {'b': 2}}['a']['b'] }}
{{ [1,2,3][1:] }}{{ (1,2)[0] }}
{{ 'x' if n == 5 else 'y' }}{{ 'x' if n == 6 }}
{{ "}}" }}{{ '{%' }}{{ "{{" }}
{{ {'a':{'b':1}} }}
{{ {'a':{'b':1}}}}
{%set a=1%}{{a}}
{%- set a = 1 -%} {{- a -}} b
{% set a = "line
two" %}{{ a }}
{{ x -}}   y
{{ x }}   {{- x }}
{{-x-}}
{{+x}}
{{ x +}}
{%+ if x %}  a{%+ endif +%}
z
{{ [
1,
2,
] }}
{{ f(
) }}
{{ x.y.z }}
{{ m[0].nope }}|{{ m[0]['nope'] }}|{{ m[9] }}
{{ m[9].role }}
{{ m|map(attribute='role')|join(',') }}
{{ m|selectattr('role','equalto','user')|list|length }}
{{ m|selectattr('role','equalto','user')|map(attribute='content')|first }}
{{ (m|last).content }}{{ m|first|tojson }}
{{ m|tojson(indent=2) }}
{% for k, v in d|dictsort %}{{ k }}{{ v }}{% endfor %}
{% for k, v in d|items %}{{ k }}{{ v }}{{ loop.length }}{% endfor %}
{% for g, items in m|groupby('role') %}{{ g }}:{{ items|length }} {% endfor %}
{% for g in m|groupby('role') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}
{% for row in l|batch(2) %}{{ row }}{% endfor %}
{{ '<b>'|safe }}{{ '<b>'|e }}{{ '<b>'|safe + '<i>' }}{{ '<i>' + '<b>'|safe }}{{ ('<b>'|safe) ~ '<i>' }}
{% set t = m|tojson|safe %}{{ t }}{{ t is string }}{{ t == m|tojson }}{{ t|length }}
{{ ('<'|e)|e }}{{ ('<'|e)|forceescape }}{{ ('<'|e)|string }}{{ ('<'|safe)|tojson }}
{{ ('a'|safe) == 'a' }}{{ 'a' == ('a'|safe) }}{{ ('a'|safe) in ['a'] }}
{{ ('<'|safe)|replace('<','>') }}{{ 'a'|replace('a', '<'|safe) }}
{% macro f(x) %}{{ x }}{% endmacro %}{{ f('<'|safe) + '<' }}
{{ ['a'|safe, '<']|join('&') }}
{% if 'a'|safe %}t{% endif %}{% if ''|safe %}t{% endif %}
{% set ns = namespace(a='<') %}{{ ns.a|e }}
{{ caller }}{{ kwargs }}
{% macro f() %}{{ kwargs.a }}{{ kwargs|length }}{{ varargs|join }}{% endmacro %}{{ f('p','q',a=1,b=2) }}
{% macro f(kwargs) %}{{ kwargs }}{% endmacro %}{{ f(1) }}
{% macro f(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ f() }}{{ f(nope) }}
{% macro f(a='d') %}{{ a }}{% endmacro %}{{ f(nope) }}{{ f(none) }}{{ f() }}
{% set f = 'notamacro' %}{{ f() }}
{% macro render(o, d) %}{% if o is mapping %}{% for k, v in o.items() %}{{ '  ' * d }}{{ k }}:
{{ render(v, d + 1) }}{% endfor %}{% else %}{{ '  ' * d }}{{ o }}
{% endif %}{% endmacro %}{{ render({'a': {'b': 1}, 'c': [1]}, 0) }}
{{ 'a' is in ['a'] }}{{ 'a' is not in ['a'] }}{{ 1 is not none }}
{{ x if x is string and x is not none else '' }}
{{ (x is defined) | string }}
{{ not x }}{{ not (x == 'ctx') }}{{ x == 'ctx' and not false }}
a  {%- if x %}b{% endif %}
{% call f() %}{% endcall %}
{{é}}
{% set é = 1 %}{{ é }}
{{ x }}{
{
{{
{%
#}
%}
}}
{{}}
{%%}
{% %}
{{ }}
{#}
{##}
{#-#}
{%-%}
{% endraw %}
{% raw x %}{% endraw %}
{% raw %}{% raw %}{% endraw %}
{{ 'a\'b' }}
{{ "a'b" }}
{{ 'a' + "b" }}
{% for i in l %}{{ loop.index }}{% if loop.nextitem is defined %}{{ loop.nextitem - i }}{% endif %};{% endfor %}
{% set ns = namespace(l=[]) %}{% for i in l %}{% set ns.l = ns.l + [i * 2] %}{% endfor %}{{ ns.l }}{{ ns.l|length }}
{% set a, ns.b = 1, 2 %}
{% set ns = namespace() %}{% set a, ns.b = 1, 2 %}{{ a }}{{ ns.b }}
{% macro f(a) %}{% set ns = namespace(x=a) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{% endmacro %}{{ f(1) }}{{ f(10) }}
{% macro f(x) %}{{ x }}{{ n }}{% endmacro %}{% for n in l %}{{ f(n) }} {% endfor %}
{% for k, v in {'a': 1, 'b': 2}.items() if v > 1 %}{{ k }}{{ loop.index }}{{ loop.length }}{% endfor %}
{% for a in l %}{% for b in l if b != a %}{{ a }}{{ b }}{{ loop.last }} {% endfor %}{% endfor %}
{% for i in [1, 2, 3, 4] %}{% if i is even %}{% continue %}{% endif %}{{ i }}{{ loop.index }}{{ loop.last }}{% endfor %}
{% call(a, b=2) m.x() %}{% endcall %}
{% set f = namespace %}{{ f(a=1).a }}
{% if m is iterable and m is not mapping and m is not string %}list{% endif %}
{{ m[-1].role if m[-1].role in ['assistant', 'tool'] else 'other' }}{{ m[0].get('tool_calls') is none }}{{ 'content' in m[0] }}
{% for i in l %}{% if loop.first %}[{% endif %}{{ i }}{{ ', ' if not loop.last else ']' }}{% endfor %}
'''

# White space control and other templates of several lines.
LAYOUT = [
    "{% set a = \"line\ntwo\" %}{{ a }}",
    "a\n{% if x %}\n  b\n  {% endif %}\nc\n",
    "  {% if x %}  \n b {% endif %} \n",
    "{{ x }}\n{{ x }}\n",
    "a\r\nb\rc\n\n",
    "{% for i in l -%}\n  {{ i }}\n{%- endfor %}\n",
    "  {#- c #}  \n  {# d -#}  \n e",
    "\n{% if x %}\n{% endif %}\n",
    "{%+ if x %}\n  {%+ endif %}\n x",
    "   {%- raw %}\n  {{ x }}\n  {% endraw %}\n y",
    "a{% raw %}\nb{% endraw +%}\nc",
    "\t {% set a=1 %}\t\n{{ a }}",
    "x {% set a=1 %}\ny",
    "{{ x }} {% set a=1 %}\ny",
    " {% set a=1 %}\ny",
    "{% macro f() %}\n  a\n{% endmacro %}\n[{{ f() }}]",
    "{% set a %}\n  b\n{% endset %}[{{ a }}]",
    "{{ f(\n) }}",
    "{{ [\n1,\n2,\n] }}",
    "{% macro render(o, d) %}{% if o is mapping %}{% for k, v in o.items() %}{{ '  ' * d }}{{ k }}:\n{{ render(v, d + 1) }}{% endfor %}{% else %}{{ '  ' * d }}{{ o }}\n{% endif %}{% endmacro %}{{ render({'a': {'b': 1}, 'c': [1]}, 0) }}",
    "{{ '\\\n' }}",
    "",
    " ",
    "\n",
    "\n\n",
]

# What jinja2 does and the engine says it does not.
UNSUPPORTED = [
    "{{ d.items }}",
    "{{ u.swapcase() }}",
    "{{ ls|map('upper') }}",
    "{{ l|reverse }}",
    "{{ n is sameas n }}",
    "{{ '{:>5}'.format('a') }}",
    "{{ range(0) }}",
    "{{ \"\\N{BULLET}\" }}",
    "{{ 'abc'.encode() }}",
    "{{ s.upper }}",
    "{{ n.real }}",
    "{{ s|attr('upper') }}",
    "{{ d|attr('keys') }}",
    "{{ s|urlencode }}",
    "{{ big*big }}",
    "{{ 9223372036854775808 }}",
    "{{ -9223372036854775808 }}",
    "{{ (-8)**0.5 }}",
    "{{ 10**20 }}",
    "{{ self }}",
    "{{ s[1,2] }}",
    "{{ namespace }}",
    "{{ range }}",
    "{{ dict }}",
    "{{ s.format }}",
    "{{ joiner(',') }}",
    "{{ cycler(1,2) }}",
    "{{ lipsum() }}",
    "{{ '٣'|int }}",
    "{{ (7).bit_length() }}",
    "{{ 2 ** 63 }}",
    "{% block a %}{% endblock %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% for i in l recursive %}{% endfor %}",
    "{{ range }}",
    "{{ ('a'|safe)|upper }}",
    "{{ ('a'|safe) * 2 }}",
    "{{ ('a'|safe).upper() }}",
]

TEMPLATES = ["{{ " + line + " }}" for line in EXPRESSIONS.strip("\n").split("\n")]
TEMPLATES += STATEMENTS.strip("\n").split("\n") + LAYOUT
