/** MMX and SSE instructions. */
import './convert.ts';
import './float.ts';
import './integer.ts';
import './move.ts';
import './shuffle.ts';
import './string.ts';
