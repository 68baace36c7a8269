/** General-purpose instructions. */
import './add.ts';
import './arithmetic.ts';
import './logic.ts';
import './multiply.ts';
import './shift.ts';
import './move.ts';
import './exchange.ts';
import './bit.ts';
import './branch.ts';
import './stack.ts';
import './decimal.ts';
import './string.ts';
